"""Statements on accounts: a user's row, the balance on it, and the ledger behind the balance."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Integer, Text, Uuid, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from db.models import LedgerEntry, LedgerEntryKind, User
from db.pages import Listing, OffsetPage, Page, Position, newest_first, skipping
from db.session import Session
from db.statements import Id, Reader, Row, Statement, Writer, among, as_text, first_row


class Account(Row):
    """A user with the balance in tokens."""

    id: UUID
    email: str | None
    tokens: int


class Balance(Row):
    """A balance that was changed, in tokens."""

    tokens: int


class LedgerRow(Row):
    """What is shown of a ledger's entry."""

    id: str
    kind: str
    amount: int
    balance_after: int
    video_job_id: str | None
    created_at: datetime


def balance_changed(job: ColumnElement[Any]) -> CTE:
    """Return what changes a balance and returns it, to be part of a statement.

    Its parameters are `user`, `amount` in tokens (negative for a charge), the new ledger entry's id `entry`, and its
    `kind`; `job` is the job that it is for.
    """
    amount = bindparam("amount", type_=Integer)
    changed = (
        update(User)
        .where(User.id == bindparam("user", type_=Uuid))
        .values(tokens=User.tokens + amount)
        .returning(User.id, User.tokens)
        .cte("changed")
    )
    entry = select(
        bindparam("entry", type_=Uuid), changed.c.id, bindparam("kind", type_=Text), amount, changed.c.tokens, job
    )
    columns = ["id", "user_id", "kind", "amount", "balance_after", "video_job_id"]
    return (
        insert(LedgerEntry)
        .from_select(columns, entry)
        .returning(LedgerEntry.balance_after.label("tokens"))
        .cte("entry")
    )


_ACCOUNT = (User.id, User.email, User.tokens)
_LOCK = Statement(select(*_ACCOUNT).where(User.id == bindparam("user")).with_for_update(key_share=True), Account)
_INSERT = Statement(
    insert(User).values(id=bindparam("user"), email=bindparam("email")).on_conflict_do_nothing().returning(*_ACCOUNT),
    Account,
)
_CHANGE_BALANCE = Statement(select(balance_changed(bindparam("job", type_=Uuid)).c.tokens), Balance)
_ENTRY = (
    as_text(LedgerEntry.id),
    LedgerEntry.kind,
    LedgerEntry.amount,
    LedgerEntry.balance_after,
    as_text(LedgerEntry.video_job_id),
    LedgerEntry.created_at,
)
_LEDGER = Listing(
    select(*_ENTRY).where(LedgerEntry.user_id == bindparam("owner")),
    (LedgerEntry.created_at, LedgerEntry.id),
    LedgerRow,
)
_LEDGER_OF_JOBS = Statement(
    select(*_ENTRY).where(LedgerEntry.video_job_id == among("jobs")).order_by(LedgerEntry.created_at),
    LedgerRow,
)


async def get(session: Session, user_id: UUID) -> User | None:
    """Read one account as it is now."""
    return await session.get(User, user_id, populate_existing=True)


async def lock(writer: Writer, user_id: UUID) -> Account | None:
    """Read one account and keep every other writer of it waiting until the transaction ends.

    NO KEY, so that foreign keys to the account are checked meanwhile: PostgreSQL does so also for a job's row that is
    updated twice in a transaction, whose lock would then come before the account's.
    """
    return await first_row(writer, _LOCK, user=user_id)


async def ids_by_email(session: Session, email: str, limit: int) -> list[UUID]:
    """Return who has that address, oldest first: identity providers may have given it to several."""
    query = select(User.id).where(User.email == email).order_by(User.created_at, User.id).limit(limit)
    return list(await session.scalars(query))


async def insert_if_missing(writer: Writer, user_id: UUID, email: str | None) -> bool:
    """Make the account's row with no tokens. Return whether it is new; of many callers at once one is told so."""
    return await first_row(writer, _INSERT, user=user_id, email=email) is not None


async def set_email(session: Session, user_id: UUID, email: str) -> None:
    """Follow the identity provider's change of address."""
    await session.execute(update(User).where(User.id == user_id).values(email=email))


async def ledger_page(reader: Reader, user_id: UUID, *, first: int, after: Position | None) -> Page[LedgerRow]:
    """Read a page of a user's ledger, newest first."""
    return await newest_first(reader, _LEDGER, {"owner": user_id}, first=first, after=after)


async def ledger_offset_page(reader: Reader, user_id: UUID, *, skip: int, limit: int) -> OffsetPage[LedgerRow]:
    """Read a page of a user's ledger with the total, newest first."""
    return await skipping(reader, _LEDGER, {"owner": user_id}, skip=skip, limit=limit)


async def ledger_totals(session: Session, user_id: UUID) -> dict[str, int]:
    """Add up a user's ledger by kind of entry."""
    query = select(LedgerEntry.kind, func.sum(LedgerEntry.amount)).where(LedgerEntry.user_id == user_id)
    return {kind: int(amount) for kind, amount in await session.execute(query.group_by(LedgerEntry.kind))}


async def ledger_of_jobs(reader: Reader, video_job_ids: Sequence[Id]) -> list[LedgerRow]:
    """Read the charges and refunds of many jobs, oldest first."""
    return await reader.fetch(_LEDGER_OF_JOBS, jobs=video_job_ids)


async def existing_ids(session: Session, user_ids: Collection[UUID]) -> set[UUID]:
    """Return which of the ids are users."""
    return set(await session.scalars(select(User.id).where(User.id.in_(user_ids))))


async def change_balance(
    writer: Writer, user_id: UUID, kind: LedgerEntryKind, amount: int, *, video_job_id: UUID | None = None
) -> int:
    """Add `amount` tokens (negative for a charge) with its ledger entry; return the new balance.

    Raises:
        asyncpg.IntegrityConstraintViolationError: when the balance would go below zero, or the job has such an entry
            already.
        LookupError: there is no such account.

    """
    values = {"user": user_id, "entry": uuid7(), "kind": kind, "amount": amount, "job": video_job_id}
    balance = await first_row(writer, _CHANGE_BALANCE, **values)
    if balance is None:
        raise LookupError(f"There is no account {user_id}")
    return balance.tokens
