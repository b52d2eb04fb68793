"""Deleting what is older than an operator wants to keep: in short transactions, which may meet another worker's."""

import asyncio
import logging
import time

from resolvers.retention import Batch
from worker.context import WorkerContext

logger = logging.getLogger("lookreel.worker")


async def forget(context: WorkerContext) -> None:
    """Delete batch after batch until nothing is old any more."""
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
