"""The fields of video jobs that need another read: each for all jobs of a list in one go."""

from collections.abc import Sequence

from db.enums import LedgerEntryKind, VideoJobStatus
from db.generation_costs import CostRow
from db.ledger import LedgerRow
from db.look_videos import LookOfJob
from db.video_jobs import LogLine, VideoJobRow
from resolvers import video_jobs
from resolvers.limits import QueuePlace
from schema.context import RequestContext
from schema.users import User


async def queue_positions(rows: Sequence[VideoJobRow], context: RequestContext) -> list[int | None]:
    """Tell the places of those that wait."""
    return [None if place is None else place.position for place in await _queue_places(rows, context)]


async def estimated_waits(rows: Sequence[VideoJobRow], context: RequestContext) -> list[int | None]:
    """Tell how long those that wait may still have to."""
    return [None if place is None else place.estimated_wait_seconds for place in await _queue_places(rows, context)]


async def _queue_places(rows: Sequence[VideoJobRow], context: RequestContext) -> list[QueuePlace | None]:
    waiting = [row.id for row in rows if row.status == VideoJobStatus.PENDING]
    places = await context.loaders.queue_place_of_job.load_all(waiting)
    found = dict(zip(waiting, places, strict=True))
    return [found.get(row.id) for row in rows]


async def logs(rows: Sequence[VideoJobRow], context: RequestContext) -> list[Sequence[LogLine]]:
    """Read the logs."""
    logs = await context.loaders.logs_of_job.load_all([row.id for row in rows])
    return [video_jobs.logs_of_version(row, lines) for row, lines in zip(rows, logs, strict=True)]


async def charges(rows: Sequence[VideoJobRow], context: RequestContext) -> list[LedgerRow | None]:
    """Read what was charged."""
    return await _ledger_entries(rows, context, LedgerEntryKind.CHARGE)


async def refunds(rows: Sequence[VideoJobRow], context: RequestContext) -> list[LedgerRow | None]:
    """Read what came back."""
    return await _ledger_entries(rows, context, LedgerEntryKind.REFUND)


async def _ledger_entries(
    rows: Sequence[VideoJobRow], context: RequestContext, kind: LedgerEntryKind
) -> list[LedgerRow | None]:
    ledgers = await context.loaders.ledger_of_job.load_all([row.id for row in rows])
    return [next((entry for entry in entries if entry.kind == kind), None) for entries in ledgers]


async def costs(rows: Sequence[VideoJobRow], context: RequestContext) -> list[CostRow | None]:
    """Read what they have really cost."""
    return await context.loaders.cost_of_job.load_all([row.id for row in rows])


async def associated_looks(rows: Sequence[VideoJobRow], context: RequestContext) -> list[list[LookOfJob]]:
    """Read the looks that show them."""
    return await context.loaders.looks_of_job.load_all([row.id for row in rows])


def users(rows: Sequence[VideoJobRow], _context: RequestContext) -> list[User]:
    """Return whose they are."""
    return [User.of(row.user_id) for row in rows]
