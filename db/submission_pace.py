"""Statements on the one row that spaces the fleet's submits (see `db.models.SubmissionPace`)."""

from datetime import datetime, timedelta

from sqlalchemy import Interval, Text, bindparam, func, select, update

from db.models import SubmissionPace
from db.statements import NoRow, Reader, Row, Statement, Writer, first_row


class _Trouble(Row):
    reason: str | None


class _Next(Row):
    at: datetime


class _Blocked(Row):
    is_blocked: bool


_INTERVAL = bindparam("interval", type_=Interval)
_FREE_AT = func.greatest(SubmissionPace.next_at, SubmissionPace.blocked_until, func.now())
# RETURNING shows the row as it has become, so the slot is the new one less the interval.
_RESERVE = Statement(
    update(SubmissionPace).values(next_at=_FREE_AT + _INTERVAL).returning(SubmissionPace.next_at - _INTERVAL), _Next
)
_IS_BLOCKED = Statement(select(SubmissionPace.blocked_until > func.now()), _Blocked)
_BLOCK = Statement(
    update(SubmissionPace).values(
        blocked_until=func.greatest(SubmissionPace.blocked_until, func.now() + bindparam("period", type_=Interval))
    ),
    NoRow,
)
_REASON = bindparam("reason", type_=Text)
_SET_TROUBLE = Statement(
    update(SubmissionPace).where(SubmissionPace.trouble.is_distinct_from(_REASON)).values(trouble=_REASON), NoRow
)
_TROUBLE = Statement(select(SubmissionPace.trouble), _Trouble)


async def reserve(writer: Writer, interval: timedelta) -> datetime:
    """Take the next free moment for a submit; moments are `interval` apart over all workers.

    The row stays locked until the transaction ends, which has to be soon.
    """
    (free,) = await writer.fetch(_RESERVE, interval=interval)
    return free.at


async def is_blocked(reader: Reader) -> bool:
    """Whether the generator has asked to be left alone for a while, and the while is not over."""
    (row,) = await reader.fetch(_IS_BLOCKED)
    return row.is_blocked


async def block(writer: Writer, period: timedelta) -> None:
    """Let nobody submit for a while."""
    await writer.fetch(_BLOCK, period=period)


async def set_trouble(writer: Writer, reason: str | None) -> None:
    """Note why the generator does not let us in, or that it does again; the row is written where that is news."""
    await writer.fetch(_SET_TROUBLE, reason=reason)


async def trouble(reader: Reader) -> str | None:
    """Read why the generator does not let us in."""
    row = await first_row(reader, _TROUBLE)
    return row.reason if row else None
