"""What videos have really cost, for admins."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry

from db.generation_costs import CostRow, CostSum
from graphql_server.fields import column
from schema.context import RequestContext
from schema.fields import Shown, shows

Since = Annotated[
    datetime | None, strawberry.argument(description="From when on; 30 days before `until` unless given, 366 at most")
]
Until = Annotated[datetime | None, strawberry.argument(description="Before when; now unless given")]


@strawberry.type(description="How many tokens of a kind a generator has counted.")
class TokenCount:
    """A member of `CostRow.tokens`."""

    kind: str = strawberry.field(description="Such as `input_text` or `output_video`")
    tokens: float = strawberry.field(description="How many")


def _token_counts(rows: Sequence[CostRow], _context: RequestContext) -> list[list[TokenCount]]:
    return [[TokenCount(kind=kind, tokens=count) for kind, count in json.loads(row.tokens).items()] for row in rows]


@shows(CostRow, hidden={"video_job_id", "tokens"})
class GenerationCost:
    """What a video has used at its generator, and what that costs us by the policy of that time."""

    provider: str
    seconds: float
    total_tokens: float
    estimate: float | None
    currency: str
    tokens: list[TokenCount] = column(_token_counts, "By kind; none where the generator reports none")


@shows(CostSum)
class GenerationCostSum(Shown[CostSum]):
    """What the videos of one user, or of one day, have used."""

    group: str
    videos: int
    seconds: float
    total_tokens: float
    estimate: float
    unestimated: int
    currency: str
