"""Where a waiting job stands in the fleet's queue, and how long it may still take to begin."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from db import run_times
from db.engine.statements import Reader
from db.run_times import Waiting
from resolvers.models import Catalogue

# How far places are counted: who waits further behind learns no more by a longer count, which each poll would pay for.
MOST_AHEAD = 1000


@dataclass(frozen=True)
class QueuePlace:
    """A place in the queue: 1 is next, `MOST_AHEAD` + 1 is behind at least so many.

    The seconds are an estimate from recent run times; None where there are none, or so many are ahead.
    """

    position: int
    estimated_wait_seconds: int | None


async def queue_places(reader: Reader, job_ids: Sequence[UUID], catalogue: Catalogue) -> dict[UUID, QueuePlace]:
    """Find the places of those jobs, which the caller was let read, that are waiting."""
    waiting = await run_times.waiting(reader, job_ids, most=MOST_AHEAD + 1)
    return {job.id: QueuePlace(job.position, _wait_seconds(job, catalogue)) for job in waiting}


def _wait_seconds(job: Waiting, catalogue: Catalogue) -> int | None:
    """Reckon with full rounds of as many generations as run at once, and with the pace of submits."""
    if job.median_seconds is None or job.position > MOST_AHEAD:
        return None
    rounds = max(0, job.running + job.position - 1) // catalogue.generations_at_once
    paced = 0.0 if job.mock_mode else (job.position - 1) * 60 / catalogue.provider_of(job.model).submits_per_minute
    return round(max(rounds * job.median_seconds, paced))
