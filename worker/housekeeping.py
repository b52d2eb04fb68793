"""What a worker does beside its jobs: finds lost ones, removes files that are to go, prunes what has grown old."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps
from pathlib import Path

from auth.caller import Caller
from db import accounts, file_removals, fleet, queue, retention, video_jobs
from db.engine.background import is_cancelled
from resolvers.accounts import lock_account
from resolvers.following import LONGEST_AWAY, OVERLAP
from resolvers.idempotency import KEYS_LAST
from resolvers.ports import StorageUnavailable
from resolvers.retention import Batch
from worker.context import WorkerContext
from worker.troubles import report_chore

RECONCILE_SECONDS = 15.0
REMOVE_SECONDS = 5.0
SIGN_OF_LIFE_SECONDS = 5.0
# After so long without a sign of life another worker does what one does for all.
GONE_AFTER = timedelta(seconds=3 * SIGN_OF_LIFE_SECONDS)
STATISTICS_SECONDS = 5.0
INSPECT_SECONDS = 60.0
PRUNE_SECONDS = 600.0
BATCH = 500
REMOVAL_BATCH = 50
WORKERS_LAST = timedelta(days=1)
REMOVAL_LEASE = timedelta(minutes=10)
FIRST_REMOVAL_RETRY = timedelta(seconds=30)
LONGEST_REMOVAL_RETRY = timedelta(hours=6)
# Older files in the scratch folder belong to workers that were killed: a video is stored within minutes.
SCRATCH_SECONDS = 3600.0

Chore = Callable[[WorkerContext], Awaitable[None]]

logger = logging.getLogger("lookreel.worker")


async def run_maintenance(context: WorkerContext) -> None:
    """Do all of it, again and again, until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(now_and_then(RECONCILE_SECONDS, by_first(reconcile), context))
        tasks.create_task(now_and_then(REMOVE_SECONDS, remove_files, context))
        tasks.create_task(now_and_then(PRUNE_SECONDS, prune, context))
        tasks.create_task(now_and_then(STATISTICS_SECONDS, renew_statistics, context))
        tasks.create_task(now_and_then(INSPECT_SECONDS, inspect_queue, context))
        tasks.create_task(now_and_then(PRUNE_SECONDS, by_first(renew_periods), context))
        tasks.create_task(now_and_then(PRUNE_SECONDS, by_first(forget), context))


async def give_sign_of_life(context: WorkerContext) -> None:
    """Let creations, readiness and `lookreel doctor` know that this worker reads the queue."""
    async with context.database.transaction() as transaction:
        await fleet.beat(transaction, context.worker_id)


async def reconcile(context: WorkerContext) -> None:
    """Give active jobs that are not in the queue a place in it."""
    async with context.database.transaction() as transaction:
        lost = await video_jobs.active_but_not_queued(transaction, limit=BATCH)
        if lost:
            logger.warning("Queueing %s active jobs that had no place in the queue", len(lost))
            await queue.enqueue(transaction, [job.id for job in lost], [job.queue_at for job in lost])


async def remove_files(context: WorkerContext) -> None:
    """Remove stored files whose time has come; one that cannot be removed is tried again, ever later."""
    while True:
        async with context.database.transaction() as transaction:
            due = await file_removals.claim_due(transaction, limit=REMOVAL_BATCH, lease=REMOVAL_LEASE)
        for removal in due:
            await _remove_file(context, removal)
        if len(due) < REMOVAL_BATCH:
            return


async def renew_statistics(context: WorkerContext) -> None:
    """Keep the planner informed about a queue that grows fast: autovacuum comes once a minute at most.

    With what it knew of an empty queue, taking jobs beside 5,000 that were taken already took half a minute.
    """
    async with context.database.transaction() as transaction:
        if await queue.has_outgrown_statistics(transaction):
            await queue.renew_statistics(transaction)


async def inspect_queue(context: WorkerContext) -> None:
    """Say what makes PgQueuer's workers slow or idle without an error: limits that differ, a trigger that is gone."""
    limit = context.catalogue.generations_at_once
    async with context.database.transaction() as transaction:
        used = await queue.highest_slot(transaction) + 1
        is_announced = await queue.announces_jobs(transaction)
    if used > limit:
        logger.warning(
            "A worker lets at least %s generations run at once, but GENERATIONS_AT_ONCE is %s here, and this one "
            "takes no jobs while more are running. Set the same for all workers.",
            used,
            limit,
        )
    if not is_announced:
        logger.warning("The queue's trigger is missing, so that new jobs are found late. Run PgQueuer's `pgq upgrade`.")


async def prune(context: WorkerContext) -> None:
    """Delete rows that nobody reads any more (keys, deletions, workers), and what killed workers left."""
    async with context.database.transaction() as transaction:
        await retention.forget(transaction, retention.DELETIONS, LONGEST_AWAY + OVERLAP)
        await retention.forget(transaction, retention.KEYS, KEYS_LAST)
        await retention.forget(transaction, retention.SIGNS_OF_LIFE, WORKERS_LAST)
    await asyncio.to_thread(_empty, context.scratch)
    await context.storage.prune(SCRATCH_SECONDS)


async def renew_periods(context: WorkerContext) -> None:
    """Begin the periods that are due, each account in a transaction of its own: also for those whom nobody looks at."""
    policy = context.catalogue.policy
    for name, tier in policy.tiers.items():
        due = await accounts.with_ended_period(context.database.reader, name, BATCH) if tier.renews else []
        for user_id in due:
            async with context.database.transaction() as transaction:
                await lock_account(transaction, Caller(user_id, None), policy)


async def forget(context: WorkerContext) -> None:
    """Delete what is older than an operator wants to keep, batch after batch, each in a short transaction."""
    for name, full, batch in context.retention.batches():
        total = 0
        while count := await _deleted(context, batch):
            total += count
            if count < full:
                break
        if total:
            logger.info("Deleted %s %s that were kept for long enough", total, name)


async def _deleted(context: WorkerContext, batch: Batch) -> int:
    """Delete one batch, then rest for as long as that took: others want the database, too."""
    began = time.monotonic()
    async with context.database.transaction() as transaction:
        count = await batch(transaction)
    await asyncio.sleep(time.monotonic() - began)
    return count


async def _remove_file(context: WorkerContext, due: file_removals.DueRemoval) -> None:
    async with context.database.transaction() as transaction:
        # Those before it may have taken long, and its job may have begun, or yet begin, to store it anew.
        removal = await file_removals.renew(transaction, due, REMOVAL_LEASE)
    if removal is None:
        return
    try:
        await context.storage.delete(removal.address)
    except StorageUnavailable as trouble:
        after = min(LONGEST_REMOVAL_RETRY, FIRST_REMOVAL_RETRY * 2 ** min(removal.failures, 20))
        logger.warning("%s could not be removed, trying again in %s: %s", removal.address, after, trouble)
        async with context.database.transaction() as transaction:
            await file_removals.defer(transaction, removal, after)
    else:
        async with context.database.transaction() as transaction:
            await file_removals.removed(transaction, removal)


def by_first(chore: Chore) -> Chore:
    """Leave to one of all workers what need not be done by each; should two do it, nothing is done twice."""

    @wraps(chore)
    async def chore_of_first(context: WorkerContext) -> None:
        if await fleet.is_first(context.database.reader, context.worker_id, GONE_AFTER):
            await chore(context)

    return chore_of_first


async def now_and_then(seconds: float, chore: Chore, context: WorkerContext) -> None:
    """Do one thing again and again, until cancelled; what goes wrong is logged, and tried again after a while."""
    failures = 0
    while True:
        rest = seconds
        try:
            await chore(context)
            failures = 0
        except (Exception, asyncio.CancelledError) as error:  # the next round may go better, and there must be one
            if is_cancelled(error):
                raise
            failures += 1
            rest = max(seconds, context.retry_policy.retry_seconds(failures))
            report_chore(chore.__name__, error, rest)
        await asyncio.sleep(rest)


def _empty(scratch: Path) -> None:
    oldest = time.time() - SCRATCH_SECONDS
    for file in scratch.glob("*"):
        if file.is_file() and file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)
