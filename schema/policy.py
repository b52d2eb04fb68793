"""What a frontend may know of the policy: costs, tiers, prices of videos, refunds, and the ceiling of one user."""

import strawberry

from resolvers import policy


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
