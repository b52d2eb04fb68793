"""Statements on accounts: a user's row, the balance on it, and the ledger behind the balance."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from db.models import LedgerEntry, LedgerEntryKind, User
from db.pages import Listing, OffsetPage, Page, Position, newest_first, skipping
from db.session import Session
from db.statements import Id, Reader, Row, Statement, as_text


class LedgerRow(Row):
    """What is shown of a ledger's entry."""

    id: str
    kind: str
    amount: int
    balance_after: int
    video_job_id: str | None
    created_at: datetime


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
    select(*_ENTRY)
    .where(LedgerEntry.video_job_id == any_(bindparam("jobs", type_=ARRAY(Uuid))))
    .order_by(LedgerEntry.created_at),
    LedgerRow,
)


async def get(session: Session, user_id: UUID) -> User | None:
    """Read one account."""
    return await session.get(User, user_id)


async def lock(session: Session, user_id: UUID) -> User | None:
    """Read one account and keep every other writer of it waiting until the transaction ends.

    NO KEY, so that foreign keys to the account are checked meanwhile: PostgreSQL does so also for a job's row that is
    updated twice in a transaction, whose lock would then come before the account's.
    """
    return await session.get(User, user_id, with_for_update={"key_share": True}, populate_existing=True)


async def find_by_email(session: Session, email: str) -> User | None:
    """Read the account of that address; the oldest where identity providers gave several the same one."""
    return await session.scalar(select(User).where(User.email == email).order_by(User.created_at, User.id).limit(1))


async def insert_if_missing(session: Session, user_id: UUID, email: str | None) -> bool:
    """Make the account's row with no tokens. Return whether it is new; of many callers at once one is told so."""
    statement = insert(User).values(id=user_id, email=email).on_conflict_do_nothing().returning(User.id)
    return await session.scalar(statement) is not None


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
    session: Session, user_id: UUID, kind: LedgerEntryKind, amount: int, *, video_job_id: UUID | None = None
) -> int:
    """Add `amount` tokens (negative for a charge) with its ledger entry; return the new balance.

    Raises:
        sqlalchemy.exc.IntegrityError: when the balance would go below zero, or the job has such an entry already.

    """
    changed = update(User).where(User.id == user_id).values(tokens=User.tokens + amount).returning(User.tokens)
    balance = (await session.execute(changed)).scalar_one()
    entry = {
        "id": uuid7(),
        "user_id": user_id,
        "kind": kind,
        "amount": amount,
        "balance_after": balance,
        "video_job_id": video_job_id,
    }
    await session.execute(insert(LedgerEntry).values(entry))
    return balance
