"""How many requests a user, and an address, may send to one process a minute; all of them may come at once."""

import time
from collections.abc import Hashable
from contextvars import ContextVar
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple
from uuid import UUID

from resolvers.errors import TooManyRequests
from resolvers.policy import Quotas

WINDOW_SECONDS = 60.0
# What sums of fractions may be wrong by.
ROUNDING_SECONDS = 1e-6
# Some hundred bytes each.
MOST_KEYS = 50_000


class Rate:
    """A token bucket for each key, kept as the time at which it will be full again: one number (GCRA)."""

    def __init__(self, name: str, most: int) -> None:
        self._interval = WINDOW_SECONDS / most if most else 0.0
        self._full_at: dict[Hashable, float] = {}
        self._name = name
        self.policy = f'"{name}";q={most};w={WINDOW_SECONDS:.0f}'

    def __bool__(self) -> bool:
        return self._interval > 0

    def take(self, key: Hashable, now: float) -> "Taken":
        """Take a token, if there is one."""
        full_at = self._full_at.get(key, now)
        seconds = (full_at - now if full_at > now else 0.0) + self._interval
        wait = seconds - WINDOW_SECONDS - ROUNDING_SECONDS
        if wait > 0:
            return Taken(self, seconds - self._interval, wait)
        self._full_at[key] = now + seconds
        if len(self._full_at) > MOST_KEYS:
            self._forget(now)
        return Taken(self, seconds, 0.0)

    def state(self, seconds: float) -> str:
        """Return what the header `RateLimit` says of a bucket that is full in so many seconds."""
        return f'"{self._name}";r={round((WINDOW_SECONDS - seconds) / self._interval)};t={ceil(seconds)}'

    def _forget(self, now: float) -> None:
        """Forget full buckets, which are as good as new; where that are few, also those that were made first."""
        kept = [(key, time) for key, time in self._full_at.items() if time > now]
        self._full_at = dict(kept[-MOST_KEYS // 2 :])


class Taken(NamedTuple):
    """What has become of a bucket: in how many seconds it is full, and in how many it has a token, if it had none."""

    rate: Rate
    seconds: float
    wait: float


@dataclass(slots=True)
class Requester:
    """Who has sent the request, or opened the WebSocket, that is being served, and what was taken for it.

    The messages of a WebSocket are not refused but wait.
    """

    is_websocket: bool
    by_address: Taken | None = None
    by_user: Taken | None = None
    user: UUID | None = None

    def state(self) -> str:
        """Return what the header `RateLimit` says; nothing where nothing was taken."""
        taken = [it for it in (self.by_user, self.by_address) if it is not None]
        return ", ".join([it.rate.state(it.seconds) for it in taken])


requester: ContextVar[Requester | None] = ContextVar("requester", default=None)


class RequestRates:
    """The rates of one process."""

    def __init__(self, quotas: Quotas) -> None:
        self.by_user = Rate("user", quotas.requests_a_minute)
        self.by_address = Rate("address", quotas.address_requests_a_minute)
        self.policy = ", ".join(rate.policy for rate in (self.by_user, self.by_address) if rate)

    def count_user(self, user_id: UUID) -> None:
        """Count the request that is being served, once its sender is known.

        Raises:
            TooManyRequests

        """
        current = requester.get()
        if current is None or current.user is not None:
            return
        current.user = user_id
        if not self.by_user or current.is_websocket:
            return
        current.by_user = self.by_user.take(user_id, time.monotonic())
        if current.by_user.wait:
            raise TooManyRequests(ceil(current.by_user.wait))
