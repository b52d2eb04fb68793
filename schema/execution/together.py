"""Many coroutines in one task: for resolvers that wait for nothing but dataloaders."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from schema.execution.values import Unusual, Values

Waiting = asyncio.Future[Any]


async def together(coroutines: Sequence[Coroutine[Any, Any, Any]]) -> Values:
    """Return the results in order.

    All are run up to where they wait, so that their loads are one batch, and go on when all of it is there. That takes
    a tenth of what a task for each would.

    Raises:
        Exception: what the first failing coroutine raised.

    """
    results: Values = [None] * len(coroutines)
    running = list(enumerate(coroutines))
    try:
        while running:
            # A coroutine that ends leaves its result and is gone from the list.
            held = [(number, _advanced(number, coroutine, results)) for number, coroutine in running]
            running = [(number, coroutines[number]) for number, future in held if future is not None]
            await _settled([future for _, future in held if future is not None])
    finally:
        for _, coroutine in running:
            coroutine.close()
    return results


def _advanced(number: int, coroutine: Coroutine[Any, Any, Any], results: Values) -> Waiting | None:
    """Run a coroutine up to where it waits; return what for."""
    try:
        future = coroutine.send(None)
    except StopIteration as end:
        results[number] = end.value
        return None
    if not asyncio.isfuture(future):
        raise Unusual("A marked resolver waits for something that is no dataloader")
    # What a task does with a future that it is given, so that others can wait for it, too.
    future._asyncio_future_blocking = False  # noqa: SLF001 - asyncio's own protocol has no other name for it
    return future


async def _settled(futures: Sequence[Waiting]) -> None:
    try:
        for future in futures:
            # Those of one batch are done together: hardly ever is there more than one to wait for.
            if not future.done():
                await asyncio.wait([future])
            # Seen: a failing coroutine ends all, and then nobody asks the futures of the others how they ended.
            _ = future.cancelled() or future.exception()
    except asyncio.CancelledError:
        # As when each is awaited by a task of its own: a loader whose loads are all cancelled gives up its query.
        for future in futures:
            future.cancel()
        raise
