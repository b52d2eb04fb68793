"""How many requests a user, and an address, may send to one process a minute; all of them may come at once."""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import ceil
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
        self._full_at: dict[str, float] = {}
        self._name = name
        self.policy = f'"{name}";q={most};w={WINDOW_SECONDS:.0f}'

    def __bool__(self) -> bool:
        return self._interval > 0

    def take(self, key: str, now: float) -> tuple[str, float]:
        """Take a token. Return what there is to say of the bucket, and in how many seconds there is one if none was."""
        empty_for = max(self._full_at.get(key, now) - now, 0.0) + self._interval
        wait = empty_for - WINDOW_SECONDS - ROUNDING_SECONDS
        if wait > 0:
            empty_for -= self._interval
        else:
            self._full_at[key] = now + empty_for
            if len(self._full_at) > MOST_KEYS:
                self._forget(now)
        left = round((WINDOW_SECONDS - empty_for) / self._interval)
        return f'"{self._name}";r={left};t={ceil(empty_for)}', max(wait, 0.0)

    def _forget(self, now: float) -> None:
        """Forget full buckets, which are as good as new; where that are few, also those that were made first."""
        kept = [(key, time) for key, time in self._full_at.items() if time > now]
        self._full_at = dict(kept[-MOST_KEYS // 2 :])


@dataclass
class Requester:
    """Who has sent the request, or opened the WebSocket, that is being served, and what its answer says of rates."""

    said: list[str] = field(default_factory=list)
    user: str | None = None
    # Its messages wait instead.
    is_websocket: bool = False


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
        current.user = str(user_id)
        if not self.by_user or current.is_websocket:
            return
        said, wait = self.by_user.take(current.user, time.monotonic())
        current.said.insert(0, said)
        if wait:
            raise TooManyRequests(ceil(wait))
