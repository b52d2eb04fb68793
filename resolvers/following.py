"""Following a job: a snapshot first, then every change in order of version, until the job has ended."""

from collections.abc import AsyncIterator
from uuid import UUID

from auth.caller import Caller
from db.job_feed import JobFeed
from db.models import VideoJob, VideoJobStatus
from db.session import Database
from resolvers import video_jobs


async def follow(database: Database, feed: JobFeed, caller: Caller, job_id: UUID) -> AsyncIterator[VideoJob]:
    """Yield the job as it is, then again whenever its version has gone up; end after its terminal state.

    A state that was superseded before it could be read is skipped; the terminal one never is. Each read is a
    transaction of its own, since none may stay open for as long as a video takes.

    Raises:
        VideoJobNotFound: at the first read, or when the job has been deleted meanwhile.

    """
    version = 0
    with feed.watch(job_id) as changed:
        while True:
            async with database.transaction() as session:
                job = await video_jobs.get(session, caller, job_id)
            if job.version > version:
                version = job.version
                yield job
            if VideoJobStatus(job.status).is_terminal:
                return
            await changed()
