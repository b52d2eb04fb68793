"""How much connections may take of a process, and one line a minute in the log about those that took too much."""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass

KILOBYTE = 1024
MEGABYTE = 1024 * KILOBYTE
REPORT_SECONDS = 60.0

logger = logging.getLogger("lookreel")


@dataclass(frozen=True)
class ConnectionLimits:
    """What the connections of one process may take: counts, seconds and bytes.

    `least_body` bytes of a body have to come in every `body_seconds`, while somebody reads it. `stall_seconds` is for
    how long a client may read nothing of what waits for it.
    """

    connections: int = 5_000
    head_seconds: float = 10.0
    body_seconds: float = 10.0
    least_body: int = 10 * KILOBYTE
    stall_seconds: float = 30.0
    message_before_init: int = 256 * KILOBYTE
    message: int = MEGABYTE
    unfinished_messages: int = 32 * MEGABYTE


class Refusals:
    """Counts what is refused by kind, and logs it: the first one at once, what follows once a minute."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def count(self, kind: str) -> None:
        """Count a refusal; `kind` completes the sentence 'connections that …'."""
        self._counts[kind] += 1
        if self._timer is None:
            self._report()

    def _report(self) -> None:
        self._timer = None
        if self._counts:
            kinds = ", ".join(f"{count} that {kind}" for kind, count in self._counts.items())
            logger.warning("Connections refused or closed: %s. The next report is due in a minute.", kinds)
            self._counts.clear()
            self._timer = asyncio.get_running_loop().call_later(REPORT_SECONDS, self._report)
