"""Where a waiting job stands in the fleet's queue, and how long it may still take to begin."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from db import run_times
from db.run_times import Waiting
from db.session import Session
from resolvers.models import FleetLimits


@dataclass(frozen=True)
class QueuePlace:
    """A place in the queue: 1 is next. The seconds are an estimate from recent run times; None where there are none."""

    position: int
    estimated_wait_seconds: int | None


async def queue_places(session: Session, job_ids: Sequence[UUID], limits: FleetLimits) -> dict[UUID, QueuePlace]:
    """Find the places of those jobs, which the caller was let read, that are waiting."""
    waiting = await run_times.waiting(session, job_ids)
    if not waiting:
        return {}
    running = await run_times.count_running(session)
    medians = {
        kind: await run_times.median_seconds(session, kind[0], mock_mode=kind[1])
        for kind in {(job.model, job.mock_mode) for job in waiting}
    }
    return {
        job.id: QueuePlace(job.position, _wait_seconds(job, running, medians[job.model, job.mock_mode], limits))
        for job in waiting
    }


def _wait_seconds(job: Waiting, running: int, run_seconds: float | None, limits: FleetLimits) -> int | None:
    """Reckon with full rounds of as many generations as run at once, and with the pace of submits."""
    if run_seconds is None:
        return None
    rounds = max(0, running + job.position - 1) // limits.generations_at_once
    paced = 0.0 if job.mock_mode else (job.position - 1) * 60 / limits.submits_per_minute
    return round(max(rounds * run_seconds, paced))
