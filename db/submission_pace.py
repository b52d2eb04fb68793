"""Statements on the rows that space the fleet's submits, one for each provider (see `db.tables.SubmissionPace`)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Interval, Text, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from db.engine.statements import Flag, Number, Reader, Row, Statement, Writer, spelled, texts
from db.enums import Submission
from db.tables import SubmissionPace, VideoJob
from db.video_jobs import IS_ACTIVE, IS_WAITING


class PaceRow(Row):
    """Whether a provider accepts jobs: until when it is left alone, and why."""

    provider: str
    blocked_until: datetime
    trouble: str | None


class _Next(Row):
    at: datetime
    now: datetime


_PROVIDER = bindparam("provider", type_=Text)
_OF_PROVIDER = SubmissionPace.provider == _PROVIDER
_INTERVAL = bindparam("interval", type_=Interval)
_FREE_AT = func.greatest(SubmissionPace.next_at, SubmissionPace.blocked_until, func.now())
_UNTIL = func.now() + bindparam("period", type_=Interval)
# RETURNING shows the row as it has become, so the slot is the new one less the interval. The clock is not that of the
# transaction's start: others have moved the slots on while this one waited for the row.
_RESERVE = Statement(
    insert(SubmissionPace)
    .values(provider=_PROVIDER, next_at=func.now() + _INTERVAL)
    .on_conflict_do_update(index_elements=["provider"], set_={"next_at": _FREE_AT + _INTERVAL})
    .returning(SubmissionPace.next_at - _INTERVAL, func.clock_timestamp()),
    _Next,
)
_IS_BLOCKED = Statement(select(SubmissionPace.blocked_until > func.now()).where(_OF_PROVIDER).with_for_update(), Flag)
_BLOCK = Statement(
    insert(SubmissionPace)
    .values(provider=_PROVIDER, blocked_until=_UNTIL)
    .on_conflict_do_update(
        index_elements=["provider"], set_={"blocked_until": func.greatest(SubmissionPace.blocked_until, _UNTIL)}
    )
)
_IN_TROUBLE = SubmissionPace.trouble.is_not(None)
_BLOCK_IN_TROUBLE = Statement(update(SubmissionPace).where(_OF_PROVIDER, _IN_TROUBLE).values(blocked_until=_UNTIL))
_KNOWN_TROUBLE = Statement(select(_IN_TROUBLE).where(_OF_PROVIDER).with_for_update(), Flag)
_SET_TROUBLE = Statement(update(SubmissionPace).where(_OF_PROVIDER).values(trouble=bindparam("reason")))
_END_TROUBLE = Statement(
    update(SubmissionPace)
    .where(_OF_PROVIDER, _IN_TROUBLE)
    .values(trouble=None, blocked_until=func.now())
    .returning(SubmissionPace.trouble.is_(None)),
    Flag,
)
_PACES = Statement(select(*PaceRow.columns_of(SubmissionPace)).order_by(SubmissionPace.provider), PaceRow)
# As the index of these jobs has it: there may be many that wait.
_IS_SENT = VideoJob.submission != spelled(Submission.NEW)
_GENERATIONS = Statement(select(func.count()).where(IS_ACTIVE, _IS_SENT, VideoJob.provider == _PROVIDER), Number)
_IS_OF_OTHERS = VideoJob.model == texts("others")
_IS_ASKED_OF_IT = and_(~_IS_OF_OTHERS, VideoJob.fallback_model.is_(None))
_A_TRIAL_WAITS = exists(select(VideoJob.id).where(IS_WAITING, ~VideoJob.mock_mode, _IS_ASKED_OF_IT))
_SUSPENSION = Statement(
    select(and_(_IN_TROUBLE, or_(SubmissionPace.blocked_until > func.now(), _A_TRIAL_WAITS))).where(_OF_PROVIDER), Flag
)


async def reserve(writer: Writer, provider: str, interval: timedelta) -> tuple[datetime, datetime]:
    """Take the provider's next free moment for a submit; moments are `interval` apart over all workers.

    Return it, and what the server's clock says. The row stays locked until the transaction ends, which has to be soon.
    """
    free = await writer.only(_RESERVE, provider=provider, interval=interval)
    return free.at, free.now


async def is_blocked(writer: Writer, provider: str) -> bool:
    """Whether the provider is to be left alone for a while, and the while is not over; locks the row as `reserve`."""
    return await writer.is_so(_IS_BLOCKED, provider=provider)


async def generations(reader: Reader, provider: str) -> int:
    """Count the generations that are in progress at the provider, or may be."""
    return await reader.number(_GENERATIONS, provider=provider)


async def block(writer: Writer, provider: str, period: timedelta) -> None:
    """Let nobody submit to the provider for a while."""
    await writer.fetch(_BLOCK, provider=provider, period=period)


async def block_in_trouble(writer: Writer, provider: str, period: timedelta) -> None:
    """Let nobody else submit for a while, where the provider was found not to let us in: one is enough to try."""
    await writer.fetch(_BLOCK_IN_TROUBLE, provider=provider, period=period)


async def set_trouble(
    writer: Writer, provider: str, reason: str | None, period: timedelta = timedelta(minutes=1)
) -> bool:
    """Note why the provider does not let us in, and let nobody submit for a while; or that it does, and go on.

    Return whether it was noted already that it does not.
    """
    if reason is None:
        return bool(await writer.fetch(_END_TROUBLE, provider=provider))
    was_noted = await writer.is_so(_KNOWN_TROUBLE, provider=provider)
    await block(writer, provider, period)
    await writer.fetch(_SET_TROUBLE, provider=provider, reason=reason)
    return was_noted


async def is_suspended(reader: Reader, provider: str, models_of_others: Sequence[str]) -> bool:
    """Whether real videos cannot be made: the provider does not let us in, and was asked lately, or soon is again.

    It is asked again by a job that waits, of any model but those of others. Where none does, the next one that is
    created asks once the while is over.
    """
    return await reader.is_so(_SUSPENSION, provider=provider, others=models_of_others)


async def paces(reader: Reader) -> list[PaceRow]:
    """Read which providers are known to be left alone, or were."""
    return await reader.fetch(_PACES)


async def troubles(reader: Reader) -> dict[str, str]:
    """Read which providers do not let us in, and why."""
    return {pace.provider: pace.trouble for pace in await paces(reader) if pace.trouble is not None}
