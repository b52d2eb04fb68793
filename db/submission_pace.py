"""Statements on the one row that spaces the fleet's submits (see `db.models.SubmissionPace`)."""

from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from db.models import SubmissionPace
from db.session import Session
from db.statements import Reader, Row, Statement, first_row


class _Trouble(Row):
    reason: str | None


_TROUBLE = Statement(select(SubmissionPace.trouble), _Trouble)


async def reserve(session: Session, interval: timedelta) -> datetime:
    """Take the next free moment for a submit; moments are `interval` apart over all workers.

    The row stays locked until the transaction ends, which has to be soon.
    """
    moment = func.greatest(SubmissionPace.next_at, SubmissionPace.blocked_until, func.now())
    # RETURNING shows the row as it has become, so the moment is the new one less the interval.
    statement = update(SubmissionPace).values(next_at=moment + interval).returning(SubmissionPace.next_at)
    return (await session.execute(statement)).scalar_one() - interval


async def is_blocked(session: Session) -> bool:
    """Whether the generator has asked to be left alone for a while, and the while is not over."""
    return bool(await session.scalar(select(SubmissionPace.blocked_until > func.now())))


async def block(session: Session, period: timedelta) -> None:
    """Let nobody submit for a while."""
    until = func.greatest(SubmissionPace.blocked_until, func.now() + period)
    await session.execute(update(SubmissionPace).values(blocked_until=until))


async def set_trouble(session: Session, reason: str | None) -> None:
    """Note why the generator does not let us in, or that it does again; the row is written where that is news."""
    changed = SubmissionPace.trouble.is_distinct_from(reason)
    await session.execute(update(SubmissionPace).where(changed).values(trouble=reason))


async def trouble(reader: Reader) -> str | None:
    """Read why the generator does not let us in."""
    row = await first_row(reader, _TROUBLE)
    return row.reason if row else None
