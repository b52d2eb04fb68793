"""Wake-ups for followers of jobs: one LISTEN connection a process, kept alive, with a slow poll behind it."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

import asyncpg

from db.session import WAKE_UP_CHANNEL, Database

RECONNECT_SECONDS = 1.0

logger = logging.getLogger("lookreel.db")


class JobFeed:
    """Tells followers when to read a job again.

    A wake-up may come for nothing, and may be lost: then the follower looks after `poll_seconds` all the same.
    """

    def __init__(self, database: Database, *, poll_seconds: float = 5.0) -> None:
        self._database = database
        self._poll_seconds = poll_seconds
        self._events: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)

    async def run(self) -> None:
        """Listen until cancelled; a lost connection is made anew."""
        while True:
            try:
                await self._listen()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                logger.warning("Cannot listen for changes of jobs, trying again: %s", error)
            await asyncio.sleep(RECONNECT_SECONDS)

    @contextmanager
    def watch(self, job_id: UUID) -> Iterator[Callable[[], Awaitable[None]]]:
        """Yield a function that returns when the job is worth reading again.

        Start to watch before the first read, so that no change falls between the two.
        """
        event = asyncio.Event()
        self._events[job_id].add(event)
        try:
            yield lambda: self._wait(event)
        finally:
            self._events[job_id].discard(event)
            if not self._events[job_id]:
                del self._events[job_id]

    async def _wait(self, event: asyncio.Event) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), self._poll_seconds)
        event.clear()

    async def _listen(self) -> None:
        lost = asyncio.Event()
        async with self._database.raw_connection() as connection:
            connection.add_termination_listener(lambda _connection: lost.set())
            await connection.add_listener(WAKE_UP_CHANNEL, self._on_wake_up)
            # Nobody listened until now: whatever was sent meanwhile is lost, so everybody looks.
            self._wake(*self._events)
            await lost.wait()

    def _on_wake_up(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        job_id, _, _version = str(payload).partition(":")
        with suppress(ValueError):
            self._wake(UUID(job_id))

    def _wake(self, *job_ids: UUID) -> None:
        for job_id in job_ids:
            for event in self._events.get(job_id, ()):
                event.set()
