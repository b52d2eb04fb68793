"""The mutations about video jobs. A refusal is data: the payload's `errors`; it has written and charged nothing."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from uuid import UUID

import strawberry
from strawberry.file_uploads import Upload

from auth.caller import Caller
from db.engine.statements import Writer
from db.looks import LookRow
from db.specification import SPECIFIED
from resolvers import looks, video_job_creation, video_job_images, video_jobs
from resolvers.errors import LookNotFound, VideoJobNotFound
from resolvers.texts import uuid_or
from resolvers.video_job_images import Uploads
from resolvers.video_job_input import UNUSED, VideoJobInput
from resolvers.video_job_retries import asked_again
from schema.context import Info, mutation
from schema.errors import CreateVideoJobError, LookVideoError, VideoJobError
from schema.fields import takes_specification
from schema.types import Look, VideoJob

IMAGES = "a JPEG, PNG, WebP or AVIF file"


@strawberry.input(description="What video to make. The values are spelled as over REST.")
@takes_specification
class CreateVideoJobInput:
    """The input of `createVideoJob` and `videoJobQuote`: the fields of a specification come before these."""

    look_id: strawberry.ID | None = strawberry.field(default=None, description="A look of the caller's, to show it in")
    idempotency_key: str | None = strawberry.field(
        default=None, description="Makes a repeated request safe for 24 hours, over both APIs"
    )

    expected_cost: int | None = strawberry.field(
        default=None, description="What a quote has said, in tokens; where the price has changed, nothing is charged"
    )
    use_look_image: str | None = strawberry.field(
        default=UNUSED, description="What becomes of the look's own picture: `none`, `initial` or `reference`"
    )
    product_ids: list[strawberry.ID] | None = strawberry.field(
        default_factory=list, description="Products of the look whose pictures are reference images"
    )
    initial_image: Upload | None = strawberry.field(default=None, description=f"Where to start: {IMAGES}")
    end_frame: Upload | None = strawberry.field(default=None, description=f"Where to end: {IMAGES}")
    reference_images: list[Upload] | None = strawberry.field(
        default_factory=list, description="What it looks like: up to three JPEG, PNG, WebP or AVIF files"
    )

    def uploads(self) -> Uploads:
        """Return the files that came along."""
        return Uploads(self.initial_image, self.end_frame, self.reference_images or ())

    def asked(self) -> VideoJobInput:
        """Return the request as the rules take it."""
        return VideoJobInput(
            **{name: given for name in SPECIFIED if (given := getattr(self, name)) is not None},
            look_id=self.look_id,
            use_look_image=self.use_look_image or UNUSED,
            product_ids=tuple(self.product_ids or ()),
            idempotency_key=self.idempotency_key,
            expected_cost=self.expected_cost,
        )


@strawberry.input(description="Which job to make anew.")
class RetryVideoJobInput:
    """The input of `retryVideoJob`."""

    id: strawberry.ID = strawberry.field(description="A job of the caller's, however it ended")
    idempotency_key: str | None = strawberry.field(default=None, description="As for `createVideoJob`")


@strawberry.input(description="A video job.")
class VideoJobIdInput:
    """The input of the mutations that need just a job."""

    id: strawberry.ID = strawberry.field(description="A job of the caller's")


@strawberry.input(description="A video and a look.")
class LookVideoInput:
    """The input of the mutations about a look's videos."""

    video_job_id: strawberry.ID = strawberry.field(description="A job of the caller's")
    look_id: strawberry.ID = strawberry.field(description="A look of the caller's")


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


@strawberry.type
class VideoJobMutations:
    """The part of `Mutation` that is about video jobs."""

    @mutation
    async def create_video_job(self, info: Info, asked: CreateVideoJobInput) -> CreateVideoJobPayload:
        """Charge 50 tokens for a video and queue its generation."""
        services, caller = info.context.services, info.context.authenticated_caller
        return await _created(info, video_job_images.stored(services, caller, asked.asked(), asked.uploads()))

    @mutation
    async def retry_video_job(self, info: Info, asked: RetryVideoJobInput) -> CreateVideoJobPayload:
        """Create a new job, charged as such, with the input and the look of an earlier one, and with its images while
        they are kept.
        """  # noqa: D205 - one sentence
        services, caller = info.context.services, info.context.authenticated_caller
        job_id = uuid_or(asked.id, VideoJobNotFound)
        return await _created(info, asked_again(services, caller, job_id, idempotency_key=asked.idempotency_key))

    @mutation
    async def cancel_video_job(self, info: Info, asked: VideoJobIdInput) -> VideoJobPayload:
        """End a job that is in progress. A waiting job's tokens come back. Cancelling twice changes nothing."""
        job = await info.context.write(video_jobs.cancel, uuid_or(asked.id, VideoJobNotFound))
        return VideoJobPayload(video_job=VideoJob.of(job))

    @mutation
    async def delete_video_job(self, info: Info, asked: VideoJobIdInput) -> DeleteVideoJobPayload:
        """Delete a job, cancelled first where it is in progress."""
        await info.context.write(video_jobs.delete, uuid_or(asked.id, VideoJobNotFound))
        return DeleteVideoJobPayload(deleted_video_job_id=asked.id)

    @mutation
    async def set_default_video(self, info: Info, asked: LookVideoInput) -> LookVideoPayload:
        """Let a video stand for its look, in the place of the former default."""
        return await _change_look(info, asked, partial(looks.set_default, is_default=True))

    @mutation
    async def unset_default_video(self, info: Info, asked: LookVideoInput) -> LookVideoPayload:
        """Let a video no longer stand for its look."""
        return await _change_look(info, asked, partial(looks.set_default, is_default=False))

    @mutation
    async def link_video_to_look(self, info: Info, asked: LookVideoInput) -> LookVideoPayload:
        """Show a video in a look; once is enough."""
        return await _change_look(info, asked, looks.link)

    @mutation
    async def unlink_video_from_look(self, info: Info, asked: LookVideoInput) -> LookVideoPayload:
        """Take a video out of a look; the job stays."""
        return await _change_look(info, asked, looks.unlink)


async def _created(info: Info, asking: AbstractAsyncContextManager[VideoJobInput]) -> CreateVideoJobPayload:
    caller, catalogue = info.context.authenticated_caller, info.context.services.catalogue
    async with asking as asked, info.context.transaction() as transaction:
        created = await video_job_creation.create(transaction, caller, asked, catalogue)
    return CreateVideoJobPayload(video_job=VideoJob.of(created.job), replayed=created.replayed)


async def _change_look(
    info: Info, asked: LookVideoInput, change: Callable[[Writer, Caller, UUID, UUID], Awaitable[LookRow]]
) -> LookVideoPayload:
    job_id, look_id = uuid_or(asked.video_job_id, VideoJobNotFound), uuid_or(asked.look_id, LookNotFound)
    return LookVideoPayload(look=Look.of(await info.context.write(change, job_id, look_id)))
