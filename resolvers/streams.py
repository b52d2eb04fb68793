"""Streams of events: how many each user has open in this process, and that none outlives its token or the process."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple, TypeVar
from uuid import UUID

from auth.caller import Caller
from auth.errors import InvalidCredentials
from resolvers.errors import TooManyStreams

Item = TypeVar("Item")


class _End(NamedTuple):
    """What ends a stream, and whether it was begun with an admin's rights."""

    locked_out: Callable[[], None]
    demoted: Callable[[], None]
    is_admins: bool


class Streams:
    """Counts open streams, `limit` for one user in one process, and lets all of them end before the process does."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: Counter[UUID] = Counter()
        self._waits: set[asyncio.Timeout] = set()
        self._ends: defaultdict[UUID, set[_End]] = defaultdict(set)
        self.are_ending = False

    @property
    def number(self) -> int:
        """How many are open."""
        return self._open.total()

    def end(self) -> None:
        """Let every stream and every wait for a change end now."""
        self.are_ending = True
        for wait in self._waits:
            _expire(wait)

    def end_of(self, user_ids: Collection[UUID], *, as_admins: bool = False) -> None:
        """Let the streams and waits of these users end now; `as_admins`, those that were begun as an admin's."""
        for end in [end for user_id in self._ends.keys() & user_ids for end in self._ends[user_id]]:
            if not as_admins:
                end.locked_out()
            elif end.is_admins:
                end.demoted()

    @contextmanager
    def ended_by(
        self, caller: Caller, locked_out: Callable[[], None], demoted: Callable[[], None] | None = None
    ) -> Iterator[None]:
        """Have one called when the caller may not act any more, the other when as an admin no more, or again."""
        end = _End(locked_out, demoted or locked_out, caller.is_admin)
        ends = self._ends[caller.user_id]
        ends.add(end)
        try:
            yield
        finally:
            ends.discard(end)
            if not ends:
                self._ends.pop(caller.user_id, None)

    @asynccontextmanager
    async def waiting(
        self, seconds: float | None = None, caller: Caller | None = None
    ) -> AsyncIterator[asyncio.Timeout]:
        """Wait inside for no longer than so many seconds, than streams may last, and than the caller may act.

        Raises TimeoutError.
        """
        async with asyncio.timeout(0 if self.are_ending else seconds) as wait:
            self._waits.add(wait)
            try:
                with self.ended_by(caller, partial(_expire, wait)) if caller else nullcontext():
                    yield wait
            finally:
                self._waits.discard(wait)

    async def until_end(
        self, stream: AsyncGenerator[Item, None], caller: Caller | None = None
    ) -> AsyncGenerator[Item, None]:
        """Yield what the stream yields, as long as streams may last and the caller may act."""
        async with aclosing(stream):
            while True:
                try:
                    async with self.waiting(caller=caller) as wait:
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
        """Hold a stream open; raises TooManyStreams."""
        if self._open[caller.user_id] >= self._limit:
            raise TooManyStreams(self._limit)
        self._open[caller.user_id] += 1
        try:
            yield
        finally:
            self._open[caller.user_id] -= 1
            if not self._open[caller.user_id]:
                del self._open[caller.user_id]


def _expire(wait: asyncio.Timeout) -> None:
    if not wait.expired():
        wait.reschedule(asyncio.get_running_loop().time())


async def until_expiry(caller: Caller, stream: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
    """Yield what the stream yields until the caller's token expires.

    Raises InvalidCredentials when it does.
    """
    async with aclosing(stream):
        while True:
            try:
                item = await asyncio.wait_for(anext(stream), seconds_left(caller))
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise InvalidCredentials from None
            yield item


def seconds_left(caller: Caller) -> float | None:
    """Return for how long the caller's token is valid; None where it is for ever."""
    if caller.expires_at is None:
        return None
    return max(0.0, (caller.expires_at - datetime.now(UTC)).total_seconds())
