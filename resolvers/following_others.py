"""Following a look, and everybody's jobs: what is not a single job's or a single user's."""

from collections.abc import AsyncGenerator
from functools import partial
from uuid import UUID

from auth.caller import Caller
from db import fleet
from db import video_jobs as rows
from db.engine.database import Database
from db.engine.feed import EVERYBODY, Inbox, JobFeed
from db.enums import VideoJobStatus
from db.look_videos import VideoInLook
from db.looks import LookRow
from db.video_jobs import VideoJobRow
from resolvers import look_videos, looks
from resolvers.following import BATCH, once_available

# How many jobs are remembered that a look did not show when they changed.
MOST_OTHERS = 1000


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
            [look] = await once_available(partial(_look, database, caller, look_id))
            by_look = await once_available(partial(_videos, database, look_id))
            state = (tuple(look), [tuple(video) for video in by_look])
            if state != told:
                told = state
                yield look
            news = await _news_of(inbox, look_id, {video.id for video in by_look}, others)
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
                if VideoJobStatus(job.status).is_terminal:
                    del known[job.id]
            news, missed = await inbox.fetch()
            jobs = [job for job in news.values() if job is not None]
            if missed:
                jobs += await once_available(partial(rows.get_many, database.reader, list(known)))
                jobs += await once_available(partial(fleet.newest_active, database.reader, limit=BATCH))


async def _look(database: Database, caller: Caller, look_id: UUID) -> list[LookRow]:
    return [await looks.get(database.reader, caller, look_id)]


async def _videos(database: Database, look_id: UUID) -> list[VideoInLook]:
    return (await look_videos.videos_by_look(database.reader, [look_id])).get(look_id, [])


async def _news_of(inbox: Inbox, look_id: UUID, shown: set[UUID], others: set[UUID]) -> set[UUID]:
    """Wait for news that may be the look's: of itself, of a job that it shows, or of one that is no known other."""
    while True:
        news, missed = await inbox.fetch()
        if missed or look_id in news or not shown.isdisjoint(news) or not others.issuperset(news):
            return set(news)
