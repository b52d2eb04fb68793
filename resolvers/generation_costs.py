"""What videos have really cost, for admins: by job, by user, and by day."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from uuid import UUID

from auth.caller import Caller
from db import generation_costs
from db.engine.statements import Reader
from db.generation_costs import Cost, CostRow, CostSum
from db.video_jobs import JobRow
from resolvers.errors import InvalidInput
from resolvers.models import sent_to
from resolvers.policy import Policy
from resolvers.texts import in_utc

USUAL_PERIOD = timedelta(days=30)
LONGEST_PERIOD = timedelta(days=366)


class CostGroup(Enum):
    """What costs are added up by."""

    USER = "USER"
    DAY = "DAY"


def cost_of(policy: Policy, job: JobRow, seconds: float, tokens: Mapping[str, int]) -> Cost | None:
    """Return what a job's video has used, with the estimate of the first rule about it; None for mock videos."""
    if job.mock_mode:
        return None
    provider = sent_to(job)
    for rule in policy.generator_prices:
        if rule.matches(provider=provider, model=job.model, resolution=job.resolution, sound=job.generate_audio):
            return Cost(provider, seconds, policy.currency, tokens, rule.estimate(seconds, tokens))
    return Cost(provider, seconds, policy.currency, tokens)


async def by_job(reader: Reader, caller: Caller, job_ids: Sequence[UUID]) -> dict[UUID, CostRow]:
    """Read what the videos of jobs have cost; nothing for whoever is no admin."""
    if not caller.is_admin:
        return {}
    return {row.video_job_id: row for row in await generation_costs.of_jobs(reader, job_ids)}


async def sums(  # noqa: PLR0913 - what is added up
    reader: Reader, caller: Caller, group: CostGroup, since: datetime | None, until: datetime | None, *, limit: int
) -> list[CostSum]:
    """Add up what was made from `since` until before `until`; in the last 30 days unless something is given.

    Raises AdminRequired, and InvalidInput: the time is longer than a year, or beyond the calendar.
    """
    caller.require_admin()
    since, until = in_utc(since, "since"), in_utc(until, "until") or datetime.now(UTC)
    if since is None:
        since = max(until, datetime.min.replace(tzinfo=UTC) + USUAL_PERIOD) - USUAL_PERIOD
    if until - since > LONGEST_PERIOD:
        raise InvalidInput(f"At most {LONGEST_PERIOD.days} days can be added up at once", field="since")
    read = generation_costs.by_user if group is CostGroup.USER else generation_costs.by_day
    return await read(reader, since, until, limit=limit)
