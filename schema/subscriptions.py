"""The subscriptions: follow jobs live."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated

import strawberry

from resolvers import following
from resolvers.errors import InvalidInput, LookNotFound, VideoJobNotFound
from resolvers.following import Position
from resolvers.texts import uuid_or
from schema.context import Info
from schema.types import Look, VideoJob, VideoJobDeletion, VideoJobLog

# Each event of it shows the whole state: over WebSocket, equal ones of one caller are executed once.
SHARED = ("videoJob",)

Id = Annotated[strawberry.ID, strawberry.argument(description="A UUID")]
AfterVersion = Annotated[
    int | None, strawberry.argument(description="The last version that was seen: what came before it is left out")
]
UpdatedAfter = Annotated[
    datetime | None,
    strawberry.argument(
        description="The greatest `updatedAt` that was seen, up to 7 days ago: what has changed since comes first, in "
        "progress or not. The last minute before is told again; `version` tells what is new. See `videoJobDeletions`"
    ),
]
DeletedAfter = Annotated[
    datetime | None,
    strawberry.argument(
        description="Since when to tell deletions, up to 7 days ago; from now on unless given. The last minute before "
        "is told again"
    ),
]
AfterLine = Annotated[
    str | None, strawberry.argument(description="The cursor of the last line that was seen; none for the whole log")
]


@strawberry.type(description="What can be followed.")
class Subscription:
    """The root of all streams."""

    @strawberry.subscription
    async def video_job(self, info: Info, id: Id, after_version: AfterVersion = 0) -> AsyncGenerator[VideoJob, None]:  # noqa: A002 - the argument's name
        """A video job of the caller's: as it is, then each change, until it has ended."""
        services, caller = info.context.services, info.context.authenticated_caller
        job_id = uuid_or(id, VideoJobNotFound)
        with info.context.stream():
            jobs = following.follow(services.database, services.feed, caller, job_id, after_version=after_version or 0)
            async for job in info.context.lasting(jobs):
                info.context.forget()
                yield VideoJob.of(job)

    @strawberry.subscription
    async def video_jobs(self, info: Info, updated_after: UpdatedAfter = None) -> AsyncGenerator[VideoJob, None]:
        """The caller's video jobs: those in progress, then each change of any of them, also of new ones."""
        services, caller = info.context.services, info.context.authenticated_caller
        with info.context.stream():
            jobs = following.follow_all(services.database, services.feed, caller, updated_after=updated_after)
            async for job in info.context.lasting(jobs):
                info.context.forget()
                yield VideoJob.of(job)

    @strawberry.subscription
    async def video_job_deletions(
        self, info: Info, deleted_after: DeletedAfter = None
    ) -> AsyncGenerator[VideoJobDeletion, None]:
        """Deletions of the caller's video jobs, as they happen. Follow it beside `videoJobs`."""
        services, caller = info.context.services, info.context.authenticated_caller
        with info.context.stream():
            deletions = following.follow_deletions(
                services.database, services.feed, caller, deleted_after=deleted_after
            )
            async for deletion in info.context.lasting(deletions):
                yield VideoJobDeletion.of(deletion)

    @strawberry.subscription
    async def look(self, info: Info, id: Id) -> AsyncGenerator[Look, None]:  # noqa: A002 - the argument's name
        """A look that the caller may see: as it is, then whenever it or one of its videos changes."""
        services, caller = info.context.services, info.context.authenticated_caller
        look_id = uuid_or(id, LookNotFound)
        with info.context.stream():
            looks = following.follow_look(services.database, services.feed, caller, look_id)
            async for look in info.context.lasting(looks):
                info.context.forget()
                yield Look.of(look)

    @strawberry.subscription
    async def admin_video_jobs(self, info: Info) -> AsyncGenerator[VideoJob, None]:
        """Everybody's video jobs: those in progress, then each change of any; for admins.

        What came and went while the server could not listen is not told of: read the list now and then.
        """
        services, caller = info.context.services, info.context.authenticated_caller
        with info.context.stream():
            jobs = following.follow_everybody(services.database, services.feed, caller)
            async for job in info.context.lasting(jobs):
                info.context.forget()
                yield VideoJob.of(job)

    @strawberry.subscription
    async def video_job_logs(self, info: Info, id: Id, after: AfterLine = None) -> AsyncGenerator[VideoJobLog, None]:  # noqa: A002 - the argument's name
        """The log of a video job of the caller's, line by line, until the job has ended."""
        services, caller = info.context.services, info.context.authenticated_caller
        job_id, after_line = uuid_or(id, VideoJobNotFound), _line(after)
        with info.context.stream():
            changes = following.follow_with_log(
                services.database, services.feed, caller, job_id, after=Position(line=after_line)
            )
            async for change in info.context.lasting(changes):
                for line in change.lines:
                    yield VideoJobLog.of(line)


def _line(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < len(str(2**63))):
        raise InvalidInput("after must be the cursor of a log line", field="after")
    return int(cursor)
