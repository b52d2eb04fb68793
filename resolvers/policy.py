"""What an owner decides, in one object: costs, tiers, prices of videos, refunds, ceilings.

Without a file of the owner's it is what the seed and contract.md say: 50 tokens a video, 3 slots, 100 to begin with.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
)

from resolvers.failure_codes import FAILURE_CODES
from resolvers.policy_checks import EACH_OF_USE, MOST_RULES, Label, Part, Rule, with_entry

# The operation that this service itself charges, and what it costs where no rule of the policy is about it.
VIDEO_GENERATION = "video_generation"
VIDEO_COST = 50
# How many jobs one user may have in progress (seed, 'Concurrent Job Limit').
ACTIVE_JOB_LIMIT = 3

FIRST_TIER = "free"
# A balance is an `int4`; what is above is for refunds, which must never fail.
LARGEST_BALANCE = 2_000_000_000
LARGEST_PRICE = 1_000_000
SMALLEST_MONEY = Decimal("0.000001")
FALLBACK_RULE = f"operations.{VIDEO_GENERATION}"


def _unique(codes: list[str]) -> list[str]:
    return list(dict.fromkeys(codes))


def _known(code: str) -> str:
    if code not in FAILURE_CODES:
        raise ValueError(f"there is no failure code '{code[:40]}'; there are {', '.join(FAILURE_CODES)}")
    return code


Price = Annotated[StrictInt, Field(ge=0, le=LARGEST_PRICE)]
Balance = Annotated[StrictInt, Field(ge=0, le=LARGEST_BALANCE)]
Ceiling = Annotated[StrictInt, Field(ge=0, le=10**12)]
Money = Annotated[float, Field(strict=True, ge=0, le=LARGEST_PRICE, allow_inf_nan=False)]
Currency = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{3}$")]
Seconds = Annotated[StrictInt, Field(ge=0, le=7 * 86_400)]
Quota = Annotated[StrictInt, Field(ge=0, le=10**9)]
Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]*$", max_length=50)]
FailureCode = Annotated[StrictStr, AfterValidator(_known)]


class Tier(Part):
    """What an account of a tier may: `share` is in tokens a period, `slots` is how many jobs may be in progress.

    Where `renews`, a new period begins by itself, with the share; else when an admin says so. In the queue, its jobs
    count as asked for `head_start_seconds` earlier.
    """

    name: Label
    share: Balance = 0
    unlimited: StrictBool = False
    slots: Annotated[StrictInt, Field(ge=0, le=1000)] = ACTIVE_JOB_LIMIT
    period_days: Annotated[StrictInt, Field(ge=1, le=3660)] = 30
    renews: StrictBool = False
    head_start_seconds: Seconds = 0

    @property
    def period(self) -> timedelta:
        """How long a period is."""
        return timedelta(days=self.period_days)


class GeneratorPrice(Rule):
    """A rule: what a video that is as it says costs us in money. The parts of the price are added up."""

    provider: Label | None = None
    per_second: Money = 0.0
    per_million_input_tokens: Money = 0.0
    per_million_output_tokens: Money = 0.0

    def estimate(self, seconds: float, tokens: Mapping[str, int]) -> Decimal | None:
        """Return what a video costs by its seconds and its tokens by kind.

        None where the rule needs tokens and the generator reported none.
        """
        per_token = {"input": self.per_million_input_tokens, "output": self.per_million_output_tokens}
        if any(per_token.values()) and not tokens:
            return None
        # What a model thinks is billed as what it puts out.
        directions = [(per_token.get(kind.partition("_")[0], per_token["output"]), n) for kind, n in tokens.items()]
        millionths = sum((_exact(price) * number for price, number in directions), Decimal())
        return (_exact(self.per_second) * _exact(seconds) + millionths / 10**6).quantize(SMALLEST_MONEY)


class VideoPrice(Rule):
    """A rule: a video that is as it says costs so many tokens."""

    tokens: Price
    seconds: Literal[4, 8] | None = None
    mock: StrictBool | None = None


class Ceilings(Part):
    """How many tokens may be used in a day (UTC), by one user and by all, before creations are refused."""

    user_tokens_a_day: Ceiling | None = None
    house_tokens_a_day: Ceiling | None = None


class Queue(Part):
    """Who goes first in the queue, and how many jobs may wait in it; 0 switches each part off (decision 32).

    A job counts as asked for so many seconds later for each other that its user has in progress, and for a user of the
    first tier whose account is younger than some hours.
    """

    most_waiting: Annotated[StrictInt, Field(ge=0, le=1_000_000)] = 10_000
    own_job_seconds: Seconds = 600
    newcomer_seconds: Seconds = 600
    newcomer_hours: Annotated[StrictInt, Field(ge=0, le=24 * 366)] = 24


class Quotas(Part):
    """What one user may keep, and how many requests one process answers; 0 switches each part off.

    Images of looks and of jobs in progress count, in megabytes of a million bytes; videos, which were paid for, do not.
    """

    looks: Quota = 5_000
    stored_megabytes: Quota = 5_000
    requests_a_minute: Quota = 60_000
    address_requests_a_minute: Quota = 300_000


class VideoCost(NamedTuple):
    """What a video costs in tokens, and the name of the rule that says so."""

    tokens: int
    rule: str


_OPERATIONS = {
    "text_to_image": 10,
    "multi_modal": 20,
    "multi_modal_light": 8,
    VIDEO_GENERATION: VIDEO_COST,
    "image_to_text": 5,
    "text_to_text": 3,
}
_TIERS = {
    FIRST_TIER: Tier(name="Free", share=100),
    "basic": Tier(name="Basic", share=300),
    "pro": Tier(name="Pro", share=1000),
    "pro_plus": Tier(name="Pro Plus", share=3000),
    "ultimate": Tier(name="Ultimate", unlimited=True),
}


def _exact(number: float) -> Decimal:
    return Decimal(str(number))


class Policy(Part):
    """All of it. `welcome` is what a new account starts with, `refunds` which failures give a job's tokens back.

    `generator_prices` is what videos cost us, in `currency` (ISO 4217).
    """

    welcome: Balance = 100
    operations: Annotated[
        dict[Name, Price],
        Field(max_length=200),
        with_entry(VIDEO_GENERATION, "what a video costs that no rule is about"),
    ] = Field(_OPERATIONS)
    tiers: Annotated[dict[Name, Tier], Field(max_length=50), with_entry(FIRST_TIER, "the tier of new accounts")] = (
        Field(_TIERS)
    )
    video_prices: Annotated[list[VideoPrice], Field(max_length=MOST_RULES), EACH_OF_USE] = Field([])
    currency: Currency = "USD"
    generator_prices: Annotated[list[GeneratorPrice], Field(max_length=MOST_RULES), EACH_OF_USE] = Field([])
    refunds: Annotated[list[FailureCode], AfterValidator(_unique), Field(max_length=100)] = Field([])
    ceilings: Ceilings = Ceilings()
    queue: Queue = Queue()
    quotas: Quotas = Quotas()

    def tier(self, name: str) -> Tier:
        """Return a tier; one that is no longer in the policy has no share, and the slots of the first one."""
        return self.tiers.get(name) or Tier(name=name, slots=self.tiers[FIRST_TIER].slots)

    def video_cost(self, *, model: str, resolution: str, seconds: int, sound: bool, mock: bool) -> VideoCost:
        """Return what a video costs: the first rule that is about it says so, else the table of operations."""
        for rule in self.video_prices:
            if rule.matches(model=model, resolution=resolution, seconds=seconds, sound=sound, mock=mock):
                return VideoCost(rule.tokens, rule.name)
        return VideoCost(self.operations[VIDEO_GENERATION], FALLBACK_RULE)


BUILT_IN = Policy()
