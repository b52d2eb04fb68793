"""Where a waiting job stands in the fleet's queue, and how long it may still take to begin."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from db import run_times
from db.run_times import Waiting
from db.statements import Id, Reader
from resolvers.models import FleetLimits

AnyId = TypeVar("AnyId", bound=Id)


@dataclass(frozen=True)
class QueuePlace:
    """A place in the queue: 1 is next. The seconds are an estimate from recent run times; None where there are none."""

    position: int
    estimated_wait_seconds: int | None


async def queue_places(reader: Reader, job_ids: Sequence[AnyId], limits: FleetLimits) -> dict[AnyId, QueuePlace]:
    """Find the places of those jobs, which the caller was let read, that are waiting."""
    waiting = {str(job.id): job for job in await run_times.waiting(reader, job_ids)}
    return {id_: _place(waiting[str(id_)], limits) for id_ in job_ids if str(id_) in waiting}


def _place(job: Waiting, limits: FleetLimits) -> QueuePlace:
    return QueuePlace(job.position, _wait_seconds(job, limits))


def _wait_seconds(job: Waiting, limits: FleetLimits) -> int | None:
    """Reckon with full rounds of as many generations as run at once, and with the pace of submits."""
    if job.median_seconds is None:
        return None
    rounds = max(0, job.running + job.position - 1) // limits.generations_at_once
    paced = 0.0 if job.mock_mode else (job.position - 1) * 60 / limits.submits_per_minute
    return round(max(rounds * job.median_seconds, paced))
