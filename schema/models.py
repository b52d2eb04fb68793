"""The GraphQL type of a video model."""

import strawberry

from media.images import LARGEST_IMAGE_BYTES
from resolvers import models
from resolvers.meanings import MEANINGS
from resolvers.video_job_images import FORMATS
from resolvers.video_job_input import LONGEST_PROMPT


@strawberry.type(description="What a model can do with one resolution.")
class VideoModelResolution:
    """A row of `resolvers.models.VideoModel.durations`."""

    resolution: str = strawberry.field(description="`720p` or `1080p`")
    duration_seconds: list[int] = strawberry.field(description="How long a video may be")


@strawberry.type(
    description="A model that can be asked for. What it can do holds for real videos; a mock video may have any form."
)
class VideoModel:
    """See `resolvers.models.VideoModel`."""

    id: strawberry.ID = strawberry.field(description="What to ask for")
    provider: str = strawberry.field(description="Who makes its real videos here: `veo` or `omni`")
    available: bool = strawberry.field(description="Whether real videos can be made with it here")
    upstream_id: str = strawberry.field(description="The id under which the generator knows it")
    cost: int = strawberry.field(description=MEANINGS["VideoModel.cost"])
    resolutions: list[VideoModelResolution] = strawberry.field(description="With the durations that go with each")
    aspect_ratios: list[str] = strawberry.field(description="`16:9`, `9:16`")
    end_frame: bool = strawberry.field(description="Whether a video may be given its last picture")
    most_reference_images: int = strawberry.field(description="How many reference images it takes")
    image_duration_seconds: int | None = strawberry.field(
        description="The one length of videos with an end frame or reference images; null: any will do"
    )
    mixes_images: bool = strawberry.field(description="Whether reference images go together with an initial image")
    most_prompt_characters: int = strawberry.field(description="How long a prompt may be, in Unicode code points")
    image_formats: list[str] = strawberry.field(
        description="Media types of the images that may be sent, such as `image/jpeg`; a form's `accept`"
    )
    most_image_bytes: int = strawberry.field(description="How large the file of an image may be")
    mock_words: list[str] = strawberry.field(description=MEANINGS["mock_words"])

    @classmethod
    def of(cls, model: models.VideoModel) -> "VideoModel":
        """Build from the catalogue's entry."""
        return cls(
            id=strawberry.ID(model.id),
            provider=model.provider,
            available=model.available,
            upstream_id=model.upstream_id,
            cost=model.cost,
            resolutions=[
                VideoModelResolution(resolution=resolution, duration_seconds=list(durations))
                for resolution, durations in model.durations.items()
            ],
            aspect_ratios=list(model.aspect_ratios),
            end_frame=model.end_frame,
            most_reference_images=model.most_reference_images,
            image_duration_seconds=model.image_duration,
            mixes_images=model.mixes_images,
            most_prompt_characters=LONGEST_PROMPT,
            image_formats=list(FORMATS),
            most_image_bytes=LARGEST_IMAGE_BYTES,
            mock_words=list(model.mock_words),
        )
