"""Streams of events: how many each user has open in this process, and that none outlives its token or the process."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from auth.caller import Caller
from auth.errors import InvalidCredentials
from resolvers.errors import TooManyStreams

Item = TypeVar("Item")


class Streams:
    """Counts open streams, `limit` for one user in one process, and lets all of them end before the process does."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: Counter[UUID] = Counter()
        self._waits: set[asyncio.Timeout] = set()
        self.are_ending = False

    def end(self) -> None:
        """Let every stream and every wait for a change end now."""
        self.are_ending = True
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def waiting(self, seconds: float | None = None) -> AsyncIterator[asyncio.Timeout]:
        """Wait inside for no longer than so many seconds, and no longer than streams may last.

        Raises:
            TimeoutError

        """
        async with asyncio.timeout(0 if self.are_ending else seconds) as wait:
            self._waits.add(wait)
            try:
                yield wait
            finally:
                self._waits.discard(wait)

    async def until_end(self, stream: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
        """Yield what the stream yields, as long as streams may last."""
        async with aclosing(stream):
            while True:
                try:
                    async with self.waiting() as wait:
                        item = await anext(stream, None)
                except TimeoutError:
                    if wait.expired():
                        return
                    raise
                if item is None:
                    return
                yield item

    @contextmanager
    def opened(self, caller: Caller) -> Iterator[None]:
        """Hold a stream open.

        Raises:
            TooManyStreams

        """
        if self._open[caller.user_id] >= self._limit:
            raise TooManyStreams(self._limit)
        self._open[caller.user_id] += 1
        try:
            yield
        finally:
            self._open[caller.user_id] -= 1
            if not self._open[caller.user_id]:
                del self._open[caller.user_id]


async def until_expiry(caller: Caller, stream: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
    """Yield what the stream yields until the caller's token expires.

    Raises:
        InvalidCredentials: when it does

    """
    try:
        while True:
            try:
                item = await asyncio.wait_for(anext(stream), seconds_left(caller))
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise InvalidCredentials from None
            yield item
    finally:
        await stream.aclose()


def seconds_left(caller: Caller) -> float | None:
    """Return for how long the caller's token is valid; None where it is for ever."""
    if caller.expires_at is None:
        return None
    return max(0.0, (caller.expires_at - datetime.now(UTC)).total_seconds())
