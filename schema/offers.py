"""What clients are offered: the video models, and what they may know of the policy. Each is shown as it is there."""

from collections.abc import Sequence

import strawberry

from graphql_server.fields import attribute, column
from media.images import LARGEST_IMAGE_BYTES
from resolvers import models, policy
from resolvers.meanings import MEANINGS
from resolvers.video_job_images import FORMATS
from resolvers.video_job_input import LONGEST_PROMPT
from schema.context import RequestContext, Shown
from schema.fields import constant


@strawberry.type(description="What a model can do with one resolution.")
class VideoModelResolution:
    """A row of `resolvers.models.VideoModel.durations`."""

    resolution: str = strawberry.field(description="`720p` or `1080p`")
    duration_seconds: list[int] = strawberry.field(description="How long a video may be")


def _resolutions(shown: Sequence[models.VideoModel], _context: RequestContext) -> list[list[VideoModelResolution]]:
    return [
        [
            VideoModelResolution(resolution=name, duration_seconds=list(seconds))
            for name, seconds in model.durations.items()
        ]
        for model in shown
    ]


@strawberry.type(
    description="A model that can be asked for. What it can do holds for real videos; a mock video may have any form."
)
class VideoModel(Shown[models.VideoModel]):
    """See `resolvers.models.VideoModel`."""

    id: strawberry.ID = strawberry.field(description="What to ask for")
    provider: str = strawberry.field(description="Who makes its real videos here: `veo` or `omni`")
    available: bool = strawberry.field(description="Whether real videos can be made with it here")
    upstream_id: str = strawberry.field(description="The id under which the generator knows it")
    cost: int = strawberry.field(description=MEANINGS["VideoModel.cost"])
    resolutions: list[VideoModelResolution] = column(_resolutions, "With the durations that go with each")
    aspect_ratios: list[str] = strawberry.field(description="`16:9`, `9:16`")
    end_frame: bool = strawberry.field(description="Whether a video may be given its last picture")
    most_reference_images: int = strawberry.field(description="How many reference images it takes")
    image_duration_seconds: int | None = attribute(
        "image_duration", "The one length of videos with an end frame or reference images; null: any will do"
    )
    mixes_images: bool = strawberry.field(description="Whether reference images go together with an initial image")
    most_prompt_characters: int = column(constant(LONGEST_PROMPT), "How long a prompt may be, in Unicode code points")
    image_formats: list[str] = column(
        constant(list(FORMATS)),
        "Media types of the images that may be sent, such as `image/jpeg`; a form's `accept`",
    )
    most_image_bytes: int = column(constant(LARGEST_IMAGE_BYTES), "How large the file of an image may be")
    mock_words: list[str] = strawberry.field(description=MEANINGS["mock_words"])


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

    rule: str = attribute("name", "Its name, as quotes give it")
    cost: int = attribute("tokens", "In tokens")
    model: str | None = strawberry.field(description="`*` stands for any characters")
    resolution: str | None = strawberry.field(description="`720p` or `1080p`")
    duration_seconds: int | None = attribute("seconds", "4 or 8")
    generate_audio: bool | None = attribute("sound", "Whether it has sound")
    mock_mode: bool | None = attribute("mock", "Whether it is a rendered sample")


def _operations(policies: Sequence[policy.Policy], _context: RequestContext) -> list[list[OperationCost]]:
    return [[OperationCost(operation=name, cost=cost) for name, cost in whole.operations.items()] for whole in policies]


def _tiers(policies: Sequence[policy.Policy], _context: RequestContext) -> list[list[PolicyTier]]:
    return [[_tier(name, tier) for name, tier in whole.tiers.items()] for whole in policies]


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


@strawberry.type(description="What the operator has decided, as far as it concerns clients.")
class Policy(Shown[policy.Policy]):
    """See `resolvers.policy.Policy`."""

    welcome: int = strawberry.field(description="What a new account starts with, in tokens")
    operations: list[OperationCost] = column(_operations, "What operations cost")
    tiers: list[PolicyTier] = column(_tiers, "Which tiers there are")
    video_prices: list[VideoPrice] = strawberry.field(
        description="What videos cost; where no rule fits, what the operation `video_generation` does"
    )
    refunds: list[str] = strawberry.field(description="Which error codes of failed jobs give the tokens back")
    user_tokens_a_day: float | None = attribute(
        "ceilings.user_tokens_a_day",
        "How many tokens one user may use in a day (UTC) before creations are refused; null: no ceiling",
    )
