"""Statements that list and count video jobs by what they are filtered by."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Double, Select, and_, bindparam, cast, exists, func, or_, select

from db import look_videos
from db.engine.paging import ESCAPE, MOST_COUNTED, Listing, Selection, containing, searchable
from db.engine.statements import Reader, Row, SomeRow, Statement, among, spelled, texts
from db.enums import AuditAction, VideoJobStatus
from db.tables import AuditEntry, LookVideo, VideoJob
from db.video_jobs import SHOWN, VideoJobRow

# How many codes are told of.
MOST_CODES = 100


@dataclass(frozen=True)
class MadeBy:
    """Jobs that were sent to a provider, or will be: those that ask for one of the models, or for mock videos."""

    provider: str
    is_mock: bool
    models: list[str]


@dataclass(frozen=True, kw_only=True)
class VideoJobFilter(Selection[VideoJobRow]):
    """Which jobs to list: those that fulfil all that is not None; times from `created_after` to before the other."""

    user_id: UUID | None = None
    statuses: Sequence[VideoJobStatus] | None = None
    look_id: UUID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    search: str | None = None
    ids: Collection[UUID] | None = None
    error_codes: Sequence[str] | None = None
    model: str | None = None
    made_by: MadeBy | None = None
    # Only those that no admin has retried, where True.
    never_retried: bool | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return what it filters by. One status is another statement than several: an index has it in order."""
        given = [field.name for field in fields(self) if getattr(self, field.name) is not None]
        single = self.statuses is not None and len(self.statuses) == 1
        return tuple("status" if single and name == "statuses" else name for name in given)

    async def is_empty(self, reader: Reader) -> bool:
        """Whether there is nothing to ask for: no look shows a video before the one-time migration."""
        return self.look_id is not None and not await look_videos.exist(reader)

    async def listing(self, reader: Reader) -> Listing[VideoJobRow] | None:
        """See `Selection`."""
        return None if await self.is_empty(reader) else _listing(self.names)

    def values(self) -> dict[str, object]:
        """Return the statement's parameters."""
        values = {name: getattr(self, name) for name in self.names if name not in _WITHOUT_VALUE}
        if self.statuses is not None and len(self.statuses) == 1:
            values["status"] = self.statuses[0]
        if self.search is not None:
            values["pattern"] = containing(searchable(self.search))
        if self.made_by is not None:
            values |= vars(self.made_by)
        return values | {name: list(values[name]) for name in ("statuses", "ids", "error_codes") if name in values}


# What has no parameter of its own name.
_WITHOUT_VALUE = {"status", "search", "made_by", "never_retried"}


class StatusCount(Row):
    """How many jobs there are of a status."""

    status: str
    count: int


class ErrorCount(Row):
    """How many jobs failed for a reason."""

    error_code: str
    count: int


class Durations(Row):
    """How long jobs that succeeded took from their first run to their end, in seconds; None where there are none."""

    count: int
    average: float | None
    median: float | None
    percentile_95: float | None
    longest: float | None


# Small letters by ASCII's rules alone: what has others brings its own text to be searched.
_SEARCHED = func.coalesce(VideoJob.search_text, func.lower(VideoJob.prompt.collate("C")))
_IS_ASKED = func.coalesce(VideoJob.fallback_model, VideoJob.model) == texts("models")
_IS_UNSENT = and_(VideoJob.provider.is_(None), VideoJob.mock_mode == bindparam("is_mock"))
_IN_LOOK = select(LookVideo.video_job_id).where(LookVideo.look_id == bindparam("look_id"))
_CONDITIONS: dict[str, ColumnElement[bool]] = {
    "user_id": VideoJob.user_id == bindparam("user_id"),
    "status": VideoJob.status == bindparam("status"),
    "statuses": VideoJob.status == texts("statuses"),
    "look_id": VideoJob.id.in_(_IN_LOOK),
    "created_after": VideoJob.created_at >= bindparam("created_after"),
    "created_before": VideoJob.created_at < bindparam("created_before"),
    "search": _SEARCHED.like(bindparam("pattern"), escape=ESCAPE),
    "ids": VideoJob.id == among("ids"),
    "error_codes": VideoJob.error_code == texts("error_codes"),
    "model": VideoJob.model == bindparam("model"),
    "made_by": or_(
        VideoJob.provider == bindparam("provider"),
        and_(_IS_UNSENT, or_(VideoJob.mock_mode, _IS_ASKED)),
    ),
    "never_retried": ~exists().where(
        AuditEntry.object_id == VideoJob.id,
        AuditEntry.action == spelled(AuditAction.RETRY_VIDEO_JOB),
    ),
}
# What no index has; nor has one the rest without a user or a status.
_SLOW = {"search", "model", "made_by"}


def _query(names: tuple[str, ...]) -> Select[*tuple[Any, ...]]:
    return select(*SHOWN).where(*(_CONDITIONS[name] for name in names))


@lru_cache(maxsize=256)
def _listing(names: tuple[str, ...]) -> Listing[VideoJobRow]:
    return Listing(_query(names), (VideoJob.created_at, VideoJob.id), VideoJobRow, is_slow=not _SLOW.isdisjoint(names))


@lru_cache(maxsize=256)
def _by_status(names: tuple[str, ...]) -> Statement[StatusCount]:
    some = _query(names).with_only_columns(VideoJob.status).limit(MOST_COUNTED).subquery()
    query = select(some.c.status, func.count()).group_by(some.c.status)
    return Statement(query, StatusCount, is_slow=not _SLOW.isdisjoint(names))


@lru_cache(maxsize=256)
def _by_error(names: tuple[str, ...]) -> Statement[ErrorCount]:
    failed = _query(names).where(VideoJob.error_code.is_not(None))
    some = failed.with_only_columns(VideoJob.error_code).limit(MOST_COUNTED).subquery()
    number = func.count().label("number")
    query = select(some.c.error_code, number).group_by(some.c.error_code)
    return Statement(query.order_by(number.desc(), some.c.error_code).limit(MOST_CODES), ErrorCount, is_slow=True)


@lru_cache(maxsize=256)
def _durations(names: tuple[str, ...]) -> Statement[Durations]:
    ended = _query(names).where(VideoJob.status == spelled(VideoJobStatus.SUCCEEDED))
    took = cast(func.extract("epoch", VideoJob.completed_at - VideoJob.started_at), Double).label("seconds")
    some = ended.where(VideoJob.started_at.is_not(None)).with_only_columns(took).limit(MOST_COUNTED).subquery()
    seconds = some.c.seconds
    median, late = (cast(func.percentile_cont(part).within_group(seconds), Double) for part in (0.5, 0.95))
    query = select(func.count(), cast(func.avg(seconds), Double), median, late, func.max(seconds))
    return Statement(query, Durations, is_slow=True)


async def count_by_status(reader: Reader, wanted: VideoJobFilter) -> dict[str, int]:
    """Count the jobs that pass the filter by status, up to `MOST_COUNTED` in all."""
    return {found.status: found.count for found in await _fetched(reader, wanted, _by_status)}


async def count_by_error(reader: Reader, wanted: VideoJobFilter) -> list[ErrorCount]:
    """Count the failed jobs that pass the filter by code, the most frequent ones first, up to `MOST_COUNTED` in all."""
    return await _fetched(reader, wanted, _by_error)


async def durations(reader: Reader, wanted: VideoJobFilter) -> Durations | None:
    """Look at the jobs that pass the filter and have succeeded, up to `MOST_COUNTED` of them; None before any can."""
    return next(iter(await _fetched(reader, wanted, _durations)), None)


async def _fetched(
    reader: Reader, wanted: VideoJobFilter, made: Callable[[tuple[str, ...]], Statement[SomeRow]]
) -> list[SomeRow]:
    return [] if await wanted.is_empty(reader) else await reader.fetch(made(wanted.names), **wanted.values())
