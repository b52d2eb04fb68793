"""Who goes first in the queue: whoever has least in progress (decision 32)."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from db.accounts import Account
from db.creations import Standing
from resolvers.errors import NoWorker, QueueFull
from resolvers.policy import FIRST_TIER, Policy


@dataclass(frozen=True)
class WorkerWatch:
    """For how long creations are accepted without a worker, 0 for ever; a process that has just begun waits as long."""

    seconds: float = 0
    began: float = field(default_factory=time.monotonic)

    def refusal(self, silent_seconds: float | None) -> NoWorker | None:
        """Return the refusal of a creation where no worker has given a sign of life for that long."""
        if not self.seconds or silent_seconds is None:
            return None
        return NoWorker() if min(silent_seconds, time.monotonic() - self.began) > self.seconds else None


def full(standing: Standing, policy: Policy) -> QueueFull | None:
    """Return the refusal where as many jobs wait as may. Creations side by side may pass by a few."""
    most = policy.queue.most_waiting
    return QueueFull() if most and standing.waiting >= most else None


def handicap(account: Account, active: int, policy: Policy) -> timedelta:
    """Return how much later than it is a job counts as asked for, by its user's jobs in progress, age and tier.

    So a job overtakes others, but none that has waited for longer than that: nobody waits for ever.
    """
    queue = policy.queue
    seconds = active * queue.own_job_seconds - policy.tier(account.tier).head_start_seconds
    is_new = datetime.now(UTC) - account.created_at < timedelta(hours=queue.newcomer_hours)
    if account.tier == FIRST_TIER and is_new:
        seconds += queue.newcomer_seconds
    return timedelta(seconds=seconds)
