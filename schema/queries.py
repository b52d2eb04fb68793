"""The queries. Each root field is a transaction of its own: Strawberry runs them concurrently."""

from typing import Annotated
from uuid import UUID

import strawberry

from resolvers import accounts, looks, video_jobs
from resolvers.errors import LookNotFound, VideoJobNotFound
from schema.connections import DEFAULT_FIRST, Connection, connection, page_arguments
from schema.context import Info
from schema.types import Look, VideoJob, Viewer

First = Annotated[int, strawberry.argument(description="How many at most, 0 to 100")]
After = Annotated[str | None, strawberry.argument(description="The cursor of the node before the page")]


@strawberry.type(description="What can be read.")
class Query:
    """The root of all reads."""

    @strawberry.field(description="The caller, with the balance of their account.")
    async def viewer(self, info: Info) -> Viewer:
        """Read the caller's account, made if this is the first time they are seen."""
        caller = info.context.admitted_caller
        async with info.context.reading() as session:
            return Viewer.of(caller, await accounts.open_account(session, caller))

    @strawberry.field(description="A video job of the caller's; null where there is none of that id.")
    async def video_job(self, info: Info, id: strawberry.ID) -> VideoJob | None:  # noqa: A002 - the argument's name
        """Read one job."""
        caller = info.context.admitted_caller
        async with info.context.reading() as session:
            try:
                return VideoJob.of(await video_jobs.get(session, caller, UUID(id)))
            except (VideoJobNotFound, ValueError):
                return None

    @strawberry.field(description="The caller's video jobs, newest first.")
    async def video_jobs(self, info: Info, first: First = DEFAULT_FIRST, after: After = None) -> Connection[VideoJob]:
        """Read a page of jobs."""
        caller = info.context.admitted_caller
        async with info.context.reading() as session:
            size, position = page_arguments(first, after)
            page = await video_jobs.page(session, caller, first=size, after=position)
        return connection(page, VideoJob.of, after=after)

    @strawberry.field(description="A look that the caller may see; null where there is none of that id.")
    async def look(self, info: Info, id: strawberry.ID) -> Look | None:  # noqa: A002 - the argument's name
        """Read one look."""
        caller = info.context.admitted_caller
        async with info.context.reading() as session:
            try:
                return Look.of(await looks.get(session, caller, UUID(id)))
            except (LookNotFound, ValueError):
                return None

    @strawberry.field(description="The caller's own looks, newest first.")
    async def looks(self, info: Info, first: First = DEFAULT_FIRST, after: After = None) -> Connection[Look]:
        """Read a page of looks."""
        caller = info.context.admitted_caller
        async with info.context.reading() as session:
            size, position = page_arguments(first, after)
            page = await looks.page(session, caller, first=size, after=position)
        return connection(page, Look.of, after=after)
