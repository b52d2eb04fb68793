"""Statements on accounts: a user's row, the balance on it, and the ledger behind the balance."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from db.models import LedgerEntry, LedgerEntryKind, User
from db.session import Session


async def get(session: Session, user_id: UUID) -> User | None:
    """Read one account."""
    return await session.get(User, user_id)


async def lock(session: Session, user_id: UUID) -> User | None:
    """Read one account and keep every other writer of it waiting until the transaction ends."""
    return await session.get(User, user_id, with_for_update=True, populate_existing=True)


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


async def change_balance(
    session: Session, user_id: UUID, kind: LedgerEntryKind, amount: int, *, video_job_id: UUID | None = None
) -> int:
    """Add `amount` tokens (negative for a charge) with its ledger entry; return the new balance.

    Raises:
        sqlalchemy.exc.IntegrityError: when the balance would go below zero, or the job has such an entry already.

    """
    changed = update(User).where(User.id == user_id).values(tokens=User.tokens + amount).returning(User.tokens)
    balance = (await session.execute(changed)).scalar_one()
    entry = {"user_id": user_id, "kind": kind, "amount": amount, "balance_after": balance, "video_job_id": video_job_id}
    await session.execute(insert(LedgerEntry).values(entry))
    return balance
