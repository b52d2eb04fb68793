"""How much connections may take of a process, and one line a minute in the log about those that took too much."""

import asyncio
import ipaddress
import logging
from asyncio import Transport
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

KILOBYTE = 1024
MEGABYTE = 1024 * KILOBYTE
REPORT_SECONDS = 60.0
# The part of an IPv6 address that one customer is given all of.
IPV6_NETWORK = 64

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


class Stall:
    """Closes a connection whose client reads nothing, which would keep all that waits for it for ever."""

    def __init__(self, transport: Transport, seconds: float, on_abort: Callable[[], None]) -> None:
        self._transport = transport
        self._seconds = seconds
        self._on_abort = on_abort
        self._timer: asyncio.TimerHandle | None = None
        self._waiting = 0

    def begin(self) -> None:
        """Watch from now on: the write buffer is full."""
        self.end()
        self._waiting = self._transport.get_write_buffer_size()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._look)

    def end(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        if self._transport.get_write_buffer_size() < self._waiting:
            self.begin()
            return
        self._on_abort()
        self._transport.abort()


def network_of(address: str) -> str:
    """Return what of an address stands for one customer: all of IPv4, half of IPv6; anything else as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((int(parsed), IPV6_NETWORK), strict=False))
    return address
