"""What mutations answer: the result, or typed errors; never both."""

import strawberry

from schema.errors import CreateVideoJobError, LookError, LookVideoError, VideoJobError
from schema.types import Look, VideoJob


@strawberry.type(description="The new video job, or why there is none.")
class CreateVideoJobPayload:
    """The answer of `createVideoJob` and `retryVideoJob`."""

    video_job: VideoJob | None = strawberry.field(default=None, description="The job; null where there are errors")
    replayed: bool = strawberry.field(
        default=False, description="Whether this is the answer to an earlier request with the same idempotency key"
    )
    errors: list[CreateVideoJobError] = strawberry.field(default_factory=list, description="Why there is no job")


@strawberry.type(description="The video job as it is now, or why it was not changed.")
class VideoJobPayload:
    """The answer of `cancelVideoJob`."""

    video_job: VideoJob | None = strawberry.field(default=None, description="The job; null where there are errors")
    errors: list[VideoJobError] = strawberry.field(default_factory=list, description="Why nothing was changed")


@strawberry.type(description="The id of what was deleted, or why nothing was.")
class DeleteVideoJobPayload:
    """The answer of `deleteVideoJob`."""

    deleted_video_job_id: strawberry.ID | None = strawberry.field(default=None, description="Null where refused")
    errors: list[VideoJobError] = strawberry.field(default_factory=list, description="Why nothing was deleted")


@strawberry.type(description="The look with its videos as they are now, or why they were not changed.")
class LookVideoPayload:
    """The answer of the mutations about a look's videos."""

    look: Look | None = strawberry.field(default=None, description="The look; null where there are errors")
    errors: list[LookVideoError] = strawberry.field(default_factory=list, description="Why nothing was changed")


@strawberry.type(description="The look as it is now, or why it was not made or changed.")
class LookPayload:
    """The answer of the mutations about looks."""

    look: Look | None = strawberry.field(default=None, description="The look; null where there are errors")
    errors: list[LookError] = strawberry.field(default_factory=list, description="Why nothing was changed")


@strawberry.type(description="The id of what was deleted, or why nothing was.")
class DeleteLookPayload:
    """The answer of `deleteLook`."""

    deleted_look_id: strawberry.ID | None = strawberry.field(default=None, description="Null where refused")
    errors: list[LookError] = strawberry.field(default_factory=list, description="Why nothing was deleted")
