"""The subscriptions: follow a job live."""

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from resolvers.errors import VideoJobNotFound
from resolvers.following import follow
from resolvers.ids import uuid_or
from schema.context import Info
from schema.types import VideoJob

Id = Annotated[strawberry.ID, strawberry.argument(description="A UUID")]


@strawberry.type(description="What can be followed.")
class Subscription:
    """The root of all streams."""

    @strawberry.subscription(description="A video job of the caller's: as it is, then each change, until it has ended.")
    async def video_job(self, info: Info, id: Id) -> AsyncGenerator[VideoJob, None]:  # noqa: A002 - the argument's name
        """Follow one job."""
        services = info.context.services
        caller = info.context.admitted_caller
        async for job in follow(services.database, services.feed, caller, uuid_or(id, VideoJobNotFound)):
            info.context.forget()
            yield VideoJob.of(job)
