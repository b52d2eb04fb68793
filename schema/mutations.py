"""The mutations. A refusal is data: the payload's `errors`; it has written and charged nothing."""

import strawberry

from resolvers import video_jobs
from resolvers.errors import Refusal
from resolvers.video_job_input import DEFAULT_DURATION_SECONDS, VideoJobInput
from schema.context import Info
from schema.errors import CreateVideoJobError, user_error
from schema.types import VideoJob


@strawberry.input(description="What video to make. The values are spelled as over REST.")
class CreateVideoJobInput:
    """The input of `createVideoJob`."""

    prompt: str | None = strawberry.field(default=None, description="What to show")
    model: str = strawberry.field(description="Such as `veo-3.1-generate-preview`; a leading `models/` is accepted")
    resolution: str = strawberry.field(description="`720p` or `1080p`")
    aspect_ratio: str = strawberry.field(description="`16:9` or `9:16`")
    duration_seconds: int = strawberry.field(default=DEFAULT_DURATION_SECONDS, description="4 or 8")
    generate_audio: bool = strawberry.field(default=False, description="Whether the video has sound")
    mock_mode: bool = strawberry.field(description="True for a sample at no cost to the studio, false for Veo")
    look_id: strawberry.ID | None = strawberry.field(default=None, description="A look of the caller's, to show it in")
    idempotency_key: str | None = strawberry.field(
        default=None, description="Makes a repeated request safe for 24 hours, over both APIs"
    )

    def asked(self) -> VideoJobInput:
        """Return the request as the rules take it."""
        return VideoJobInput(
            prompt=self.prompt,
            model=self.model,
            resolution=self.resolution,
            aspect_ratio=self.aspect_ratio,
            duration_seconds=self.duration_seconds,
            generate_audio=self.generate_audio,
            mock_mode=self.mock_mode,
            look_id=self.look_id,
            idempotency_key=self.idempotency_key,
        )


@strawberry.type(description="The new video job, or why there is none.")
class CreateVideoJobPayload:
    """The answer of `createVideoJob`."""

    video_job: VideoJob | None = None
    replayed: bool = strawberry.field(
        default=False, description="Whether an earlier request with this idempotency key had created the job"
    )
    errors: list[CreateVideoJobError] = strawberry.field(default_factory=list)


@strawberry.type(description="What can be done.")
class Mutation:
    """The root of all writes."""

    @strawberry.mutation(description="Charge 50 tokens for a video and queue its generation.")
    async def create_video_job(self, info: Info, input: CreateVideoJobInput) -> CreateVideoJobPayload:  # noqa: A002 - Relay's name
        """Create a job."""
        caller = info.context.admitted_caller
        real_generation = info.context.services.real_generation
        try:
            async with info.context.transaction() as session:
                created = await video_jobs.create(session, caller, input.asked(), real_generation=real_generation)
        except Refusal as refusal:
            return CreateVideoJobPayload(errors=[user_error(refusal)])
        return CreateVideoJobPayload(video_job=VideoJob.of(created.job), replayed=created.replayed)
