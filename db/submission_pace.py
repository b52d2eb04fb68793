"""Statements on the one row that spaces the fleet's submits (see `db.tables.SubmissionPace`)."""

from datetime import datetime, timedelta

from sqlalchemy import Interval, Text, and_, bindparam, exists, func, literal_column, or_, select, update

from db.engine.statements import NoRow, Reader, Row, Statement, Writer, first_row
from db.tables import SubmissionPace, VideoJob, VideoJobStatus


class _Trouble(Row):
    reason: str | None


class _Known(Row):
    is_known: bool


class _Next(Row):
    at: datetime


class _Suspension(Row):
    is_suspended: bool


class _Blocked(Row):
    is_blocked: bool


_INTERVAL = bindparam("interval", type_=Interval)
_FREE_AT = func.greatest(SubmissionPace.next_at, SubmissionPace.blocked_until, func.now())
# RETURNING shows the row as it has become, so the slot is the new one less the interval.
_RESERVE = Statement(
    update(SubmissionPace).values(next_at=_FREE_AT + _INTERVAL).returning(SubmissionPace.next_at - _INTERVAL), _Next
)
_IS_BLOCKED = Statement(select(SubmissionPace.blocked_until > func.now()).with_for_update(), _Blocked)
_BLOCK = Statement(
    update(SubmissionPace).values(
        blocked_until=func.greatest(SubmissionPace.blocked_until, func.now() + bindparam("period", type_=Interval))
    ),
    NoRow,
)
_IN_TROUBLE = SubmissionPace.trouble.is_not(None)
_BLOCK_IN_TROUBLE = Statement(
    update(SubmissionPace).where(_IN_TROUBLE).values(blocked_until=func.now() + bindparam("period", type_=Interval)),
    NoRow,
)
_KNOWN_TROUBLE = Statement(select(_IN_TROUBLE).with_for_update(), _Known)
_SET_TROUBLE = Statement(update(SubmissionPace).values(trouble=bindparam("reason", type_=Text)), NoRow)
_END_TROUBLE = Statement(
    update(SubmissionPace)
    .where(_IN_TROUBLE)
    .values(trouble=None, blocked_until=func.now())
    .returning(SubmissionPace.trouble.is_(None)),
    _Known,
)
_TROUBLE = Statement(select(SubmissionPace.trouble), _Trouble)
# Spelled out for the index of the waiting jobs.
_IS_WAITING = VideoJob.status == literal_column(f"'{VideoJobStatus.PENDING}'")
_A_TRIAL_WAITS = exists(select(VideoJob.id).where(_IS_WAITING, ~VideoJob.mock_mode))
_SUSPENSION = Statement(
    select(
        and_(
            _IN_TROUBLE,
            or_(SubmissionPace.blocked_until > func.now(), _A_TRIAL_WAITS),
        )
    ),
    _Suspension,
)


async def reserve(writer: Writer, interval: timedelta) -> datetime:
    """Take the next free moment for a submit; moments are `interval` apart over all workers.

    The row stays locked until the transaction ends, which has to be soon.
    """
    (free,) = await writer.fetch(_RESERVE, interval=interval)
    return free.at


async def is_blocked(writer: Writer) -> bool:
    """Whether the generator is to be left alone for a while, and the while is not over; locks the row as `reserve`."""
    (row,) = await writer.fetch(_IS_BLOCKED)
    return row.is_blocked


async def block(writer: Writer, period: timedelta) -> None:
    """Let nobody submit for a while."""
    await writer.fetch(_BLOCK, period=period)


async def block_in_trouble(writer: Writer, period: timedelta) -> None:
    """Let nobody else submit for a while, where the generator was found not to let us in: one is enough to try."""
    await writer.fetch(_BLOCK_IN_TROUBLE, period=period)


async def set_trouble(writer: Writer, reason: str | None, period: timedelta = timedelta(minutes=1)) -> bool:
    """Note why the generator does not let us in, and let nobody submit for a while; or that it does, and go on.

    Return whether it was noted already that it does not.
    """
    if reason is None:
        return bool(await writer.fetch(_END_TROUBLE))
    (was_noted,) = await writer.fetch(_KNOWN_TROUBLE)
    await writer.fetch(_SET_TROUBLE, reason=reason)
    await block(writer, period)
    return was_noted.is_known


async def is_suspended(reader: Reader) -> bool:
    """Whether real videos cannot be made: the generator does not let us in, and was asked lately, or soon is again.

    It is asked again by a job that waits. Where none does, the next one that is created asks once the while is over.
    """
    row = await first_row(reader, _SUSPENSION)
    return row is not None and row.is_suspended


async def trouble(reader: Reader) -> str | None:
    """Read why the generator does not let us in."""
    row = await first_row(reader, _TROUBLE)
    return row.reason if row else None
