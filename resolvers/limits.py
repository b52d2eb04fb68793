"""What stands in the way besides a request's own fields and the balance: the queue, ceilings, and quotas.

Who has least in progress goes first in the queue (decision 32).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from auth.caller import Caller
from db import quotas, run_times
from db.accounts import Account
from db.engine.statements import Reader
from db.run_times import Waiting
from resolvers.errors import InvalidInput, SpendingCeiling, StorageQuota
from resolvers.models import Catalogue
from resolvers.policy import FIRST_TIER, Ceilings, Policy, Quotas


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


USUAL_DAYS = 14
MOST_DAYS = 31


async def ceiling_reached(reader: Reader, account: Account, cost: int, ceilings: Ceilings) -> SpendingCeiling | None:
    """Return the refusal where a creation of that cost would pass a ceiling; a day is one of UTC.

    What costs nothing passes none.
    """
    if cost == 0:
        return None
    now = datetime.now(UTC)
    today = _midnight(now)
    seconds = int((today + timedelta(days=1) - now).total_seconds()) + 1
    of_user, of_house = ceilings.user_tokens_a_day, ceilings.house_tokens_a_day
    if of_user is not None and await quotas.used_by(reader, account.id, today) + cost > of_user:
        return SpendingCeiling(of_user, seconds, is_below_price=of_user < cost)
    if of_house is not None and await quotas.used_by_all(reader, today) + cost > of_house:
        return SpendingCeiling(None, seconds, is_below_price=of_house < cost)
    return None


async def spent_by_day(reader: Reader, caller: Caller, days: int | None) -> dict[str, int]:
    """Add up what all have used on each of the last days (UTC) such as `2026-11-28`, oldest first, today last.

    Raises AdminRequired, InvalidInput.
    """
    caller.require_admin()
    days = USUAL_DAYS if days is None else days
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInput(f"days must be 1 to {MOST_DAYS}", field="days")
    first = _midnight(datetime.now(UTC)) - timedelta(days=days - 1)
    used = {row.day: row.tokens for row in await quotas.by_day(reader, first)}
    names = [f"{first + timedelta(days=number):%Y-%m-%d}" for number in range(days)]
    return {name: used.get(name, 0) for name in names}


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


MEGABYTE = 1_000_000


async def quota_reached(
    reader: Reader, user_id: UUID, limits: Quotas, *, looks: int = 0, stored_bytes: int = 0
) -> StorageQuota | None:
    """Return the refusal where the user would keep more than one may, with so many more looks and bytes.

    Before images are decoded, the bytes are those that were sent. To be sure, the caller has locked the account.
    """
    most_looks, most_bytes = limits.looks if looks else 0, limits.stored_megabytes * MEGABYTE if stored_bytes else 0
    if not (most_looks or most_bytes):
        return None
    kept = await quotas.kept_by(reader, user_id)
    if most_looks and kept.looks + looks > most_looks:
        return StorageQuota(f"{most_looks:,} looks")
    if most_bytes and kept.stored_bytes + stored_bytes > most_bytes:
        return StorageQuota(f"{limits.stored_megabytes:,} MB of images")
    return None


async def require_room(reader: Reader, user_id: UUID, limits: Quotas, stored_bytes: int) -> None:
    """Raise `StorageQuota` where `quota_reached` says so of one more look whose images have so many bytes."""
    if refusal := await quota_reached(reader, user_id, limits, looks=1, stored_bytes=stored_bytes):
        raise refusal
