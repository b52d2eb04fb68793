"""Following jobs and looks: a snapshot first, then every change of a job in order of version.

A state that was superseded before it could be told is skipped; the terminal one never is. No transaction stays open
for as long as a video takes.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import TypeVar
from uuid import UUID

from auth.caller import Caller
from db import fleet
from db import video_jobs as rows
from db.engine.database import Database
from db.engine.errors import RETRY_SECONDS, DatabaseUnavailable
from db.engine.feed import EVERYBODY, Inbox, JobFeed
from db.enums import VideoJobStatus
from db.looks import LookRow
from db.video_jobs import DeletionRow, LogLine, VideoJobRow
from resolvers import looks, video_jobs
from resolvers.errors import InvalidInput, VideoJobNotFound

Found = TypeVar("Found")

# How old a job may be that came and went while nobody listened: longer than the slowest poll.
LATELY = timedelta(minutes=3)
# How long ago a follower of all jobs may have gone who comes back for what was changed and deleted meanwhile.
LONGEST_AWAY = timedelta(days=7)
# A change bears the time at which its transaction began: one that was seen may be younger than one that was not yet
# committed. So some are told twice, which versions tell apart; no transaction takes longer.
OVERLAP = timedelta(minutes=1)
BATCH = 500
# How many jobs are remembered that a look did not show when they changed.
MOST_OTHERS = 1000


@dataclass(frozen=True)
class Position:
    """How far a follower has got: the last version, and the id of the last line of the log; 0 for none."""

    version: int = 0
    line: int = 0


START = Position()


@dataclass(frozen=True)
class Change:
    """A version of a job, and the lines that its log has gained since the version before."""

    job: VideoJobRow
    lines: Sequence[LogLine]


async def follow(
    database: Database, feed: JobFeed, caller: Caller, job_id: UUID, *, after_version: int = 0
) -> AsyncGenerator[VideoJobRow, None]:
    """Yield the job as it is, then again whenever its version has gone up; end after its terminal state.

    With `after_version`, what the caller has seen already is left out: a follower who comes back misses nothing and
    gets nothing twice. Raises VideoJobNotFound: at once, or when the job has been deleted meanwhile.
    """
    with feed.following(job_id) as inbox:
        job = await video_jobs.read(database.reader, caller, job_id)
        # A version that there never was comes from another database, or from a typo.
        seen = after_version if after_version <= job.version else 0
        while True:
            if job.version > seen:
                seen = job.version
                yield job
            if _ended(job):
                return
            news, _ = await inbox.fetch()
            newest = news.get(job_id, job)
            if newest is None:
                raise VideoJobNotFound
            job = newest


async def follow_with_log(
    database: Database, feed: JobFeed, caller: Caller, job_id: UUID, *, after: Position = START
) -> AsyncGenerator[Change, None]:
    """Follow a job as `follow` does, with what its log has gained: all of it after a line that the log has not.

    Raises VideoJobNotFound.
    """
    line_id = await _known_line(database, job_id, after.line)
    async for job in follow(database, feed, caller, job_id, after_version=after.version):
        # Lines are written with the version that they belong to, so they are there once the version is.
        lines = await once_available(partial(rows.logs_after, database.reader, job_id, line_id))
        line_id = lines[-1].id if lines else line_id
        yield Change(job, lines)


async def _known_line(database: Database, job_id: UUID, line_id: int) -> int:
    """Return the line, or 0 where it is none of the job's: from another job or database, or removed since."""
    from_there = await rows.logs_after(database.reader, job_id, line_id - 1) if line_id else ()
    return line_id if line_id in {line.id for line in from_there} else 0


async def follow_all(
    database: Database, feed: JobFeed, caller: Caller, *, updated_after: datetime | None = None
) -> AsyncGenerator[VideoJobRow, None]:
    """Yield the caller's jobs that are in progress, then each change of any of the caller's jobs, also of new ones.

    With `updated_after`, the greatest `updated_at` that was seen, first come those that have changed since instead,
    whether in progress or not. It does not end by itself. A deleted job is told by `follow_deletions`.

    What is there at once is told by `updated_at`, oldest first: who breaks off in the middle has seen all before it.

    Raises InvalidInput: that is too long ago.
    """
    since = None if updated_after is None else _resumable(updated_after, "updatedAfter")
    with feed.following_user(caller.user_id) as inbox:
        known = {job.id: job for job in await _lately_changed(database, caller, ())}
        for job in sorted(known.values(), key=attrgetter("updated_at")):
            if since is None and not _ended(job):
                yield job
        if since is not None:
            place = attrgetter("updated_at", "id")
            async for job in _all_since(rows.changed_since, database, caller, since, place):
                known[job.id] = job
                yield job
        while True:
            news, missed = await inbox.fetch()
            jobs = [job for job in news.values() if job is not None]
            if missed:
                jobs += await once_available(partial(_lately_changed, database, caller, known))
            for job in sorted(jobs, key=attrgetter("updated_at")):
                if job.id not in known or job.version > known[job.id].version:
                    known[job.id] = job
                    yield job
            # A look at what changed lately would find new ones again.
            newer = datetime.now(UTC) - 2 * LATELY
            known = {id_: job for id_, job in known.items() if not _ended(job) or job.created_at > newer}


async def follow_deletions(
    database: Database, feed: JobFeed, caller: Caller, *, deleted_after: datetime | None = None
) -> AsyncGenerator[DeletionRow, None]:
    """Yield each deletion of a job of the caller's, from now on or from then on. It does not end by itself.

    Raises InvalidInput: that is too long ago.
    """
    since = datetime.now(UTC) - OVERLAP if deleted_after is None else _resumable(deleted_after, "deletedAfter")
    told: dict[UUID, datetime] = {}
    with feed.following_user(caller.user_id) as inbox:
        if deleted_after is None:
            told = {row.video_job_id: row.deleted_at for row in await _deletions(database, caller, since)}
        while True:
            for row in await once_available(partial(_deletions, database, caller, since)):
                if row.video_job_id not in told:
                    told[row.video_job_id] = row.deleted_at
                    yield row
            since = max(since, max(told.values(), default=since) - OVERLAP)
            told = {id_: deleted_at for id_, deleted_at in told.items() if deleted_at >= since}
            while True:
                news, missed = await inbox.fetch()
                if missed or None in news.values():
                    break


async def follow_look(
    database: Database, feed: JobFeed, caller: Caller, look_id: UUID
) -> AsyncGenerator[LookRow, None]:
    """Yield a look as it is, then again whenever it or one of its videos has changed. It does not end by itself.

    Raises LookNotFound: at once, or when it is deleted or no longer for the caller's eyes.
    """
    look = await looks.get(database.reader, caller, look_id)
    with feed.following_user(look.user_id) as inbox:
        told: object = None
        others: set[UUID] = set()
        while True:
            look = await once_available(partial(looks.get, database.reader, caller, look_id))
            by_look = await once_available(partial(looks.videos_by_look, database.reader, [look_id]))
            videos = by_look.get(look_id, [])
            state = (tuple(look), [tuple(video) for video in videos])
            if state != told:
                told = state
                yield look
            news = await _news_of(inbox, look_id, {video.id for video in videos}, others)
            others = others | news if len(others) < MOST_OTHERS else news


async def follow_everybody(database: Database, feed: JobFeed, caller: Caller) -> AsyncGenerator[VideoJobRow, None]:
    """Yield everybody's jobs in progress, then each change of any job. It does not end by itself.

    A job that came and went while the database could not be reached is not told of. Raises AdminRequired.
    """
    caller.require_admin()
    known: dict[UUID, int] = {}
    with feed.following_user(EVERYBODY) as inbox:
        jobs = await fleet.newest_active(database.reader, limit=BATCH)
        while True:
            for job in jobs:
                if job.version > known.get(job.id, 0):
                    yield job
                known[job.id] = job.version
                if _ended(job):
                    del known[job.id]
            news, missed = await inbox.fetch()
            jobs = [job for job in news.values() if job is not None]
            if missed:
                jobs += await once_available(partial(rows.get_many, database.reader, list(known)))
                jobs += await once_available(partial(fleet.newest_active, database.reader, limit=BATCH))


async def _news_of(inbox: Inbox, look_id: UUID, shown: set[UUID], others: set[UUID]) -> set[UUID]:
    """Wait for news that may be the look's: of itself, of a job that it shows, or of one that is no known other."""
    while True:
        news, missed = await inbox.fetch()
        if missed or look_id in news or not shown.isdisjoint(news) or not others.issuperset(news):
            return set(news)


async def _deletions(database: Database, caller: Caller, since: datetime) -> list[DeletionRow]:
    place = attrgetter("deleted_at", "video_job_id")
    return [row async for row in _all_since(rows.deleted_since, database, caller, since, place)]


def _resumable(seen: datetime, argument: str) -> datetime:
    """Return since when to tell what has changed.

    Raises InvalidInput: longer ago than deletions are remembered.
    """
    now = datetime.now(UTC)
    seen = min(now, seen if seen.tzinfo else seen.replace(tzinfo=UTC))
    if now - seen > LONGEST_AWAY:
        message = f"{argument} must not be more than {LONGEST_AWAY.days} days ago: read the list of video jobs anew"
        raise InvalidInput(message, field=argument)
    return seen - OVERLAP


async def _all_since(
    read: Callable[..., Awaitable[Sequence[Found]]],
    database: Database,
    caller: Caller,
    since: datetime,
    place: Callable[[Found], tuple[datetime, UUID]],
) -> AsyncGenerator[Found, None]:
    """Yield all that a statement reads, a page at a time; `place` is where in its order a row stands."""
    last = UUID(int=0)
    while True:
        page = await read(database.reader, caller.user_id, since, last, limit=BATCH)
        for row in page:
            yield row
        if len(page) < BATCH:
            return
        since, last = place(page[-1])


async def once_available(read: Callable[[], Awaitable[Found]]) -> Found:
    """Read as soon as the database can be reached: a follower who is there already need not come back for it."""
    while True:
        try:
            return await read()
        except DatabaseUnavailable:
            await asyncio.sleep(RETRY_SECONDS)


async def _lately_changed(database: Database, caller: Caller, known: Iterable[UUID]) -> list[VideoJobRow]:
    return await rows.active_or_newer(database.reader, caller.user_id, datetime.now(UTC) - LATELY, list(known))


def _ended(job: VideoJobRow) -> bool:
    return VideoJobStatus(job.status).is_terminal
