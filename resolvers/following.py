"""Following jobs: a snapshot first, then every change in order of version.

A state that was superseded before it could be told is skipped; the terminal one never is. No transaction stays open
for as long as a video takes.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

from auth.caller import Caller
from db import video_jobs as rows
from db.engine.database import Database
from db.engine.errors import RETRY_SECONDS, DatabaseUnavailable
from db.engine.feed import JobFeed
from db.tables import VideoJobStatus
from db.video_jobs import LogLine, VideoJobRow
from resolvers import video_jobs
from resolvers.errors import VideoJobNotFound

Row = TypeVar("Row")

# How old a job may be that came and went while nobody listened: longer than the slowest poll.
LATELY = timedelta(minutes=3)


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
    gets nothing twice.

    Raises:
        VideoJobNotFound: at once, or when the job has been deleted meanwhile.

    """
    with feed.following(job_id) as inbox:
        job = await video_jobs.read(database.reader, caller, job_id)
        # A version that there never was comes from another database, or from a typo.
        seen = after_version if after_version <= job.version else 0
        while True:
            if job.version > seen:
                seen = job.version
                yield job
            if VideoJobStatus(job.status).is_terminal:
                return
            news, _ = await inbox.fetch()
            newest = news.get(job_id, job)
            if newest is None:
                raise VideoJobNotFound
            job = newest


async def follow_with_log(
    database: Database, feed: JobFeed, caller: Caller, job_id: UUID, *, after: Position = START
) -> AsyncGenerator[Change, None]:
    """Follow a job as `follow` does, with what its log has gained.

    Raises:
        VideoJobNotFound

    """
    line_id = after.line
    async for job in follow(database, feed, caller, job_id, after_version=after.version):
        # Lines are written with the version that they belong to, so they are there once the version is.
        lines = await _once_available(partial(rows.logs_after, database.reader, job_id, line_id))
        line_id = lines[-1].id if lines else line_id
        yield Change(job, lines)


async def follow_all(database: Database, feed: JobFeed, caller: Caller) -> AsyncGenerator[VideoJobRow, None]:
    """Yield the caller's jobs that are in progress, then each change of any of the caller's jobs, also of new ones.

    It does not end by itself. A deleted job is told no more.
    """
    with feed.following_user(caller.user_id) as inbox:
        known = {job.id: job for job in await _lately_changed(database, caller, ())}
        for job in known.values():
            if not _ended(job):
                yield job
        while True:
            news, missed = await inbox.fetch()
            jobs = [job for job in news.values() if job is not None]
            if missed:
                jobs += await _once_available(partial(_lately_changed, database, caller, known))
            for job in jobs:
                if job.id not in known or job.version > known[job.id].version:
                    known[job.id] = job
                    yield job
            known = {id_: job for id_, job in known.items() if not _ended(job) or _is_new(job)}


async def _once_available(read: Callable[[], Awaitable[Sequence[Row]]]) -> Sequence[Row]:
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


def _is_new(job: VideoJobRow) -> bool:
    """Whether a look at what changed lately would find the job again."""
    return job.created_at > datetime.now(UTC) - 2 * LATELY
