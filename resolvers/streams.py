"""Streams of events: how many each user has open in this process, and that none outlives its token."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from auth.caller import Caller
from auth.errors import InvalidCredentials
from resolvers.errors import TooManyStreams

Item = TypeVar("Item")


class Streams:
    """Counts open streams; `limit` is for one user in one process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: Counter[UUID] = Counter()

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
