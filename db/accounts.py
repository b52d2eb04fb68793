"""Statements on accounts: a user's row, the balance on it, and the ledger behind the balance."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, BigInteger, ColumnElement, Integer, Text, Uuid, bindparam, cast, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from db.engine.paging import Listing, OffsetPage, Page, Position, newest_first, skipping
from db.engine.statements import NoRow, Reader, Row, Statement, Writer, among, first_row
from db.tables import LedgerEntry, LedgerEntryKind, User


class Account(Row):
    """A user with the balance in tokens."""

    id: UUID
    email: str | None
    tokens: int


class Balance(Row):
    """A balance that was changed, in tokens."""

    tokens: int


class AccountState(Row):
    """What an account's row says of its status and role, as tokens spell them."""

    id: UUID
    status: str
    role: str


class LedgerRow(Row):
    """What is shown of a ledger's entry."""

    id: UUID
    kind: str
    amount: int
    balance_after: int
    video_job_id: UUID | None
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


class _Total(Row):
    kind: str
    amount: int


class _Found(Row):
    id: UUID


_ACCOUNT = (User.id, User.email, User.tokens)
_GET = Statement(select(*_ACCOUNT).where(User.id == bindparam("user")), Account)
_LOCK = Statement(select(*_ACCOUNT).where(User.id == bindparam("user")).with_for_update(key_share=True), Account)
_INSERT = Statement(
    insert(User).values(id=bindparam("user"), email=bindparam("email")).on_conflict_do_nothing().returning(*_ACCOUNT),
    Account,
)
_BY_EMAIL = Statement(
    select(User.id)
    .where(User.email == bindparam("email"))
    .order_by(User.created_at, User.id)
    .limit(bindparam("most", type_=Integer)),
    _Found,
)
_SET_EMAIL = Statement(update(User).where(User.id == bindparam("user")).values(email=bindparam("email")), NoRow)
_STATE = (User.id, User.status, User.role)
_SPECIAL = Statement(select(*_STATE).where(or_(User.status != "active", User.role != "user")), AccountState)
_SET_STATUS = Statement(
    update(User).where(User.id == bindparam("user")).values(status=bindparam("now", type_=Text)).returning(*_STATE),
    AccountState,
)
_SET_ROLE = Statement(
    update(User).where(User.id == bindparam("user")).values(role=bindparam("now", type_=Text)).returning(*_STATE),
    AccountState,
)
_CHANGE_BALANCE = Statement(select(balance_changed(bindparam("job", type_=Uuid)).c.tokens), Balance)
_ENTRY = LedgerRow.columns_of(LedgerEntry)
_LEDGER = Listing(
    select(*_ENTRY).where(LedgerEntry.user_id == bindparam("owner")),
    (LedgerEntry.created_at, LedgerEntry.id),
    LedgerRow,
)
_LEDGER_OF_JOBS = Statement(
    select(*_ENTRY).where(LedgerEntry.video_job_id == among("jobs")).order_by(LedgerEntry.created_at),
    LedgerRow,
)
_TOTALS = Statement(
    select(LedgerEntry.kind, cast(func.sum(LedgerEntry.amount), BigInteger))
    .where(LedgerEntry.user_id == bindparam("owner"))
    .group_by(LedgerEntry.kind),
    _Total,
)


async def get(reader: Reader, user_id: UUID) -> Account | None:
    """Read one account."""
    return await first_row(reader, _GET, user=user_id)


async def lock(writer: Writer, user_id: UUID) -> Account | None:
    """Read one account and keep every other writer of it waiting until the transaction ends.

    NO KEY, so that foreign keys to the account are checked meanwhile: PostgreSQL does so also for a job's row that is
    updated twice in a transaction, whose lock would then come before the account's.
    """
    return await first_row(writer, _LOCK, user=user_id)


async def ids_by_email(reader: Reader, email: str, limit: int) -> list[UUID]:
    """Return who has that address, oldest first: identity providers may have given it to several."""
    return [found.id for found in await reader.fetch(_BY_EMAIL, email=email, most=limit)]


async def insert_if_missing(writer: Writer, user_id: UUID, email: str | None) -> bool:
    """Make the account's row with no tokens. Return whether it is new; of many callers at once one is told so."""
    return await first_row(writer, _INSERT, user=user_id, email=email) is not None


async def set_email(writer: Writer, user_id: UUID, email: str) -> None:
    """Follow the identity provider's change of address."""
    await writer.fetch(_SET_EMAIL, user=user_id, email=email)


async def ledger_page(reader: Reader, user_id: UUID, *, first: int, after: Position | None) -> Page[LedgerRow]:
    """Read a page of a user's ledger, newest first."""
    return await newest_first(reader, _LEDGER, {"owner": user_id}, first=first, after=after)


async def ledger_offset_page(reader: Reader, user_id: UUID, *, skip: int, limit: int) -> OffsetPage[LedgerRow]:
    """Read a page of a user's ledger with the total, newest first."""
    return await skipping(reader, _LEDGER, {"owner": user_id}, skip=skip, limit=limit)


async def ledger_totals(reader: Reader, user_id: UUID) -> dict[str, int]:
    """Add up a user's ledger by kind of entry."""
    return {total.kind: total.amount for total in await reader.fetch(_TOTALS, owner=user_id)}


async def ledger_of_jobs(reader: Reader, video_job_ids: Sequence[UUID]) -> list[LedgerRow]:
    """Read the charges and refunds of many jobs, oldest first."""
    return await reader.fetch(_LEDGER_OF_JOBS, jobs=video_job_ids)


async def special_states(reader: Reader) -> list[AccountState]:
    """Read all accounts that are not active users; an index has them, and few accounts are."""
    return await reader.fetch(_SPECIAL)


async def set_status(writer: Writer, user_id: UUID, status: str) -> AccountState | None:
    """Set an account's status; None where there is no such account."""
    return await first_row(writer, _SET_STATUS, user=user_id, now=status)


async def set_role(writer: Writer, user_id: UUID, role: str) -> AccountState | None:
    """Set an account's role; None where there is no such account."""
    return await first_row(writer, _SET_ROLE, user=user_id, now=role)


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
