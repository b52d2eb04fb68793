"""Lists of video jobs, with what their filters leave."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry

from db.engine.paging import MOST_COUNTED
from db.enums import VideoJobStatus
from db.video_job_lists import VideoJobFilter
from graphql_server.fields import column
from resolvers import video_job_lists
from schema.connections import Connection
from schema.context import RequestContext
from schema.types import VideoJob

Statuses = Annotated[
    list[VideoJobStatus] | None, strawberry.argument(description="Only jobs of one of these statuses; null for all")
]
OfLook = Annotated[strawberry.ID | None, strawberry.argument(description="Only jobs that this look shows")]
CreatedAfter = Annotated[datetime | None, strawberry.argument(description="Only what was made then or later")]
CreatedBefore = Annotated[datetime | None, strawberry.argument(description="Only what was made before")]
PromptSearch = Annotated[str | None, strawberry.argument(description="A part of the prompt, in any case")]
OfIds = Annotated[list[strawberry.ID] | None, strawberry.argument(description="Only those of these ids, at most 100")]


@strawberry.type(description="How many jobs there are of a status.")
class VideoJobStatusCount:
    """One of `VideoJobConnection.countsByStatus`."""

    status: VideoJobStatus = strawberry.field(description="The status")
    count: int = strawberry.field(description="How many")


async def _counts(
    connections: Sequence["VideoJobConnection"], context: RequestContext
) -> list[list[VideoJobStatusCount]]:
    return [
        [
            VideoJobStatusCount(status=status, count=count)
            for status, count in (await video_job_lists.count_by_status(context.reader, shown.wanted)).items()
        ]
        for shown in connections
    ]


@strawberry.type(description="A page of video jobs.")
class VideoJobConnection(Connection[VideoJob]):
    """Relay's connection, with counts."""

    wanted: strawberry.Private[VideoJobFilter]
    counts_by_status: list[VideoJobStatusCount] = column(
        _counts,
        "How many jobs there are of each status under the same arguments but `status`; "
        f"counted up to {MOST_COUNTED:,} in all, when it is asked for",
    )
