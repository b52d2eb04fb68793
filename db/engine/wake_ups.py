"""Wake-ups on their way out: what has changed is told to whoever listens, after the commit that changed it."""

import asyncio
import logging
from collections.abc import Sequence

from sqlalchemy import ARRAY, Text, bindparam, func, literal_column, select

from db.engine.background import is_cancelled, is_unexpected
from db.engine.statements import Reader, Row, Statement

WAKE_UP_CHANNEL = "lookreel_video_jobs"
# Where much changes, wake-ups come so much later, which nobody sees: with four workers, this saves a fifth of
# PostgreSQL's time for a job.
REST_SECONDS = 0.1

logger = logging.getLogger("lookreel.db")


class _Sent(Row):
    pg_notify: None


_wake_up = func.unnest(bindparam("wake_ups", type_=ARRAY(Text))).column_valued("wake_up")
_NOTIFY = Statement(select(func.pg_notify(literal_column(f"'{WAKE_UP_CHANNEL}'"), _wake_up)), _Sent)


class WakeUps:
    """Sends in the background, what has come together meanwhile at once.

    NOTIFY serialises commits and wakes every listener, so it has a statement of its own, and a process sends one at a
    time, with a rest between them. Nobody waits for it here either: followers also look by themselves now and then, so
    a lost wake-up costs them latency only.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._waiting: list[str] = []
        self._sending: asyncio.Task[None] | None = None

    def send(self, wake_ups: Sequence[str]) -> None:
        """Have these sent."""
        self._waiting += wake_ups
        if self._waiting and (self._sending is None or self._sending.done()):
            self._sending = asyncio.create_task(self._send_all())

    async def close(self) -> None:
        """Wait until nothing waits any more."""
        if self._sending is not None:
            await self._sending

    async def _send_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await self._reader.fetch(_NOTIFY, wake_ups=batch)
            except (Exception, asyncio.CancelledError) as error:
                if is_cancelled(error):
                    raise
                logger.warning("Wake-ups could not be sent", exc_info=is_unexpected(error))
            await asyncio.sleep(REST_SECONDS)
