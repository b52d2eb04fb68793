"""What clients are offered: the video models, and what they may know of the policy."""

import strawberry

from media.images import LARGEST_IMAGE_BYTES
from resolvers import models, policy
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


@strawberry.type(description="An operation of the studio.")
class OperationCost:
    """A row of `resolvers.policy.Policy.operations`."""

    operation: str = strawberry.field(description="Its name")
    cost: int = strawberry.field(description="In tokens")


@strawberry.type(description="A tier that an account can be in.")
class PolicyTier:
    """See `resolvers.policy.Tier`."""

    tier: str = strawberry.field(description="As accounts name it")
    name: str = strawberry.field(description="For people")
    share: int = strawberry.field(description="What a period gives, in tokens; 0 where unlimited")
    is_unlimited: bool = strawberry.field(description="Whether operations cost nothing")
    slots: int = strawberry.field(description="How many video jobs may be in progress at once")
    period_days: int = strawberry.field(description="How long a period is")
    renews: bool = strawberry.field(description="Whether a new period begins by itself")


@strawberry.type(
    description="A rule for what a video costs. What is null may be anything; the first that fits decides."
)
class VideoPrice:
    """See `resolvers.policy.VideoPrice`."""

    rule: str = strawberry.field(description="Its name, as quotes give it")
    cost: int = strawberry.field(description="In tokens")
    model: str | None = strawberry.field(description="`*` stands for any characters")
    resolution: str | None = strawberry.field(description="`720p` or `1080p`")
    duration_seconds: int | None = strawberry.field(description="4 or 8")
    generate_audio: bool | None = strawberry.field(description="Whether it has sound")
    mock_mode: bool | None = strawberry.field(description="Whether it is a rendered sample")


@strawberry.type(description="What the operator has decided, as far as it concerns clients.")
class Policy:
    """See `resolvers.policy.Policy`."""

    welcome: int = strawberry.field(description="What a new account starts with, in tokens")
    operations: list[OperationCost] = strawberry.field(description="What operations cost")
    tiers: list[PolicyTier] = strawberry.field(description="Which tiers there are")
    video_prices: list[VideoPrice] = strawberry.field(
        description="What videos cost; where no rule fits, what the operation `video_generation` does"
    )
    refunds: list[str] = strawberry.field(description="Which error codes of failed jobs give the tokens back")
    user_tokens_a_day: float | None = strawberry.field(
        description="How many tokens one user may use in a day (UTC) before creations are refused; null: no ceiling"
    )

    @classmethod
    def of(cls, whole: policy.Policy) -> "Policy":
        """Show what is for everybody."""
        return cls(
            welcome=whole.welcome,
            operations=[OperationCost(operation=name, cost=cost) for name, cost in whole.operations.items()],
            tiers=[_tier(name, tier) for name, tier in whole.tiers.items()],
            video_prices=[_price(price) for price in whole.video_prices],
            refunds=whole.refunds,
            user_tokens_a_day=whole.ceilings.user_tokens_a_day,
        )


def _tier(name: str, tier: policy.Tier) -> PolicyTier:
    return PolicyTier(
        tier=name,
        name=tier.name,
        share=0 if tier.unlimited else tier.share,
        is_unlimited=tier.unlimited,
        slots=tier.slots,
        period_days=tier.period_days,
        renews=tier.renews,
    )


def _price(price: policy.VideoPrice) -> VideoPrice:
    return VideoPrice(
        rule=price.name,
        cost=price.tokens,
        model=price.model,
        resolution=price.resolution,
        duration_seconds=price.seconds,
        generate_audio=price.sound,
        mock_mode=price.mock,
    )
