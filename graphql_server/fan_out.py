"""One execution for many subscribers: who asks for the same with the same rights is told by the same bytes.

This is for subscriptions each event of which shows the whole state: a newcomer is sent the latest one, and a slow
subscriber loses nothing but what was superseded. Others are executed for each subscriber.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

logger = logging.getLogger(__name__)

Events = AsyncGenerator[str, None]


class ExecutionFailed(Exception):
    """A fault of ours has ended a shared execution, which says nothing about what was followed."""


class Group:
    """An execution and those who are told of it. It ends with its last subscriber, or with its last event."""

    def __init__(self, events: Callable[[], Events], forget: Callable[[], None]) -> None:
        self._members: set[asyncio.Event] = set()
        self._latest: str | None = None
        self._number = 0
        self._ended = False
        self._failed = False
        self._forget = forget
        self._task = asyncio.create_task(self._run(events))

    async def subscribe(self) -> Events:
        """Yield the latest event, then each newer one, skipping what was superseded meanwhile; end after the last.

        Raises ExecutionFailed.
        """
        something = asyncio.Event()
        self._members.add(something)
        told = 0
        try:
            while True:
                if self._latest is not None and self._number > told:
                    told = self._number
                    yield self._latest
                elif self._failed:
                    raise ExecutionFailed
                elif self._ended:
                    return
                else:
                    something.clear()
                    await something.wait()
        finally:
            self._members.discard(something)
            if not self._members:
                self._forget()
                self._task.cancel()

    async def _run(self, events: Callable[[], Events]) -> None:
        try:
            async with aclosing(events()) as stream:
                async for event in stream:
                    self._latest = event
                    self._number += 1
                    self._wake()
        except Exception:
            logger.exception("A shared subscription has ended by a fault")
            self._failed = True
        finally:
            # Whoever comes from now on gets an execution of their own.
            self._forget()
            self._ended = True
            self._wake()

    def _wake(self) -> None:
        for member in self._members:
            member.set()


class Sharing:
    """The executions of shared subscriptions by what is asked, with what rights."""

    def __init__(self) -> None:
        self._groups: dict[object, Group] = {}

    def subscribe(self, key: object, events: Callable[[], Events]) -> Events:
        """Join the execution of that key, started if there is none; return its events."""
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(events, lambda: self._forget(key))
        return group.subscribe()

    def _forget(self, key: object) -> None:
        self._groups.pop(key, None)
