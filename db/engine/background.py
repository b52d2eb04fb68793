"""What a process does in the background for as long as it lives, whatever goes wrong with it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import asyncpg

from db.engine.errors import DatabaseUnavailable

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 5.0


class BackgroundLoop:
    """One thing that is done again and again: no error ends it, and each is logged.

    After an error it waits before it goes on, longer after each further one. `name` begins its log lines.
    """

    def __init__(self, name: str, logger: logging.Logger) -> None:
        self._name = name
        self._logger = logger
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._due_since: float | None = None

    @property
    def seconds_overdue(self) -> float:
        """For how long there has been something to do that is not done yet."""
        return 0.0 if self._due_since is None else time.monotonic() - self._due_since

    def due(self) -> None:
        """Note that there is something to do, unless that is known."""
        if self._due_since is None:
            self._due_since = time.monotonic()

    def done(self) -> None:
        """Note that everything is done."""
        self._due_since = None
        self._pause_seconds = FIRST_PAUSE_SECONDS

    async def run(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do it until this task is cancelled; `step` says itself when it is `due` and `done`."""
        while True:
            try:
                await step()
            except (Exception, asyncio.CancelledError) as error:
                if is_cancelled(error):
                    raise
                seconds = self._pause_seconds
                self._logger.warning(
                    "%s failed, trying again in %.0f s: %s: %s",
                    self._name,
                    seconds,
                    type(error).__name__,
                    error,
                    exc_info=is_unexpected(error),
                )
                self._pause_seconds = min(LONGEST_PAUSE_SECONDS, 2 * seconds)
                await asyncio.sleep(seconds)


def is_cancelled(error: BaseException) -> bool:
    """Whether the running task is to end: a library's own cancellation may come out of it as the same error."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def is_unexpected(error: BaseException) -> bool:
    """Whether an error needs its traceback: the database's own say enough by their text."""
    return not isinstance(error, DatabaseUnavailable | OSError | asyncpg.PostgresError)
