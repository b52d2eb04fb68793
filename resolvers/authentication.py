"""Who may send a request now: a verified token, an account that is not suspended, and a rate that is not exceeded.

A process knows all rows that restrict an account or make it an admin's, and reads them anew every second; so a request
costs nothing more, and whoever is suspended is locked out of every process within seconds, open streams included.
"""

import asyncio
import logging
import time
from collections.abc import Hashable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from math import ceil
from typing import NamedTuple
from uuid import UUID

from auth.caller import AccountStatus, Caller, Role
from auth.errors import AccountNotActive
from auth.policy import TokenPolicy
from auth.tokens import Authenticator
from db import accounts
from db.accounts import AccountState
from db.engine.background import BackgroundLoop
from db.engine.database import Database
from db.engine.errors import DatabaseUnavailable
from db.engine.statements import Reader
from resolvers import observing
from resolvers.accounts import get_or_create_account
from resolvers.errors import TooManyRequests
from resolvers.policy import Policy, Quotas
from resolvers.streams import Streams

READ_SECONDS = 1.0
# What is older is read again before anybody is admitted.
STALE_SECONDS = 3.0

logger = logging.getLogger("lookreel.accounts")


class AccountStates:
    """The accounts that are not plain active users; ends the streams of those that may not act."""

    def __init__(self, reader: Reader, streams: Streams) -> None:
        self._reader = reader
        self._streams = streams
        self._known: dict[UUID, AccountState] = {}
        # Until when: who was admitted as an admin may only now begin to follow something.
        self._demoted: dict[UUID, float] = {}
        self._read_at: float | None = None
        self._reading = asyncio.Lock()
        self._loop = BackgroundLoop("Reading who is suspended", logger)

    async def run(self) -> None:
        """Read again and again until cancelled."""
        await self._loop.run(self._step)

    async def checked(self, caller: Caller) -> Caller:
        """Return the caller with the rights that token and row give together now: suspended and admin by either.

        Raises:
            AccountNotActive
            DatabaseUnavailable: nothing is known yet; later on, what was known last is what counts.

        """
        if caller.status is not AccountStatus.ACTIVE:
            raise AccountNotActive(caller.status)
        await self._ensure_known()
        state = self._known.get(caller.user_id)
        if state is not None and state.status != AccountStatus.ACTIVE:
            raise AccountNotActive(state.status)
        is_admin = state is not None and state.role == Role.ADMIN
        if is_admin == caller.is_admin_by_row or (is_admin and caller.is_admin):
            return caller
        return replace(caller, role=Role.ADMIN if is_admin else Role.USER, is_admin_by_row=is_admin)

    async def read(self) -> None:
        """Read who is restricted or an admin, and end the streams of whoever may not act, or as an admin no more.

        Raises DatabaseUnavailable.
        """
        found = await accounts.special_states(self._reader)
        admins, now = self._admins(), time.monotonic()
        self._known, self._read_at = {state.id: state for state in found}, now
        self._demoted |= dict.fromkeys(admins - self._admins(), now + STALE_SECONDS)
        self._demoted = {id_: until for id_, until in self._demoted.items() if until > now}
        self._streams.end_of({state.id for state in found if state.status != AccountStatus.ACTIVE})
        self._streams.end_of(self._demoted, as_admins=True)

    def _admins(self) -> set[UUID]:
        return {id_ for id_, state in self._known.items() if state.role == Role.ADMIN}

    async def _step(self) -> None:
        await self.read()
        self._loop.done()
        await asyncio.sleep(READ_SECONDS)

    async def _ensure_known(self) -> None:
        """Read where nothing is known, or where the background has not done it for a while."""
        if self._is_fresh():
            return
        async with self._reading:
            if self._is_fresh():
                return
            try:
                await self.read()
            except DatabaseUnavailable:
                if self._read_at is None:
                    raise

    def _is_fresh(self) -> bool:
        return self._read_at is not None and time.monotonic() - self._read_at < STALE_SECONDS


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
        """Count the request that is being served, once its sender is known; raises TooManyRequests."""
        current = requester.get()
        if current is None or current.user is not None:
            return
        current.user = user_id
        if not self.by_user or current.is_websocket:
            return
        current.by_user = self.by_user.take(user_id, time.monotonic())
        if current.by_user.wait:
            raise TooManyRequests(ceil(current.by_user.wait))


REMEMBERED_CALLERS = 10_000


class Authentication:
    """Lets callers in: a verified token, an active account, and a row for it made on first sight."""

    def __init__(
        self, tokens: TokenPolicy, policy: Policy, database: Database, states: "AccountStates", rates: "RequestRates"
    ) -> None:
        self._authenticator = Authenticator(tokens)
        self._database = database
        self._policy = policy
        self._states = states
        self._rates = rates
        self._seen: set[Caller] = set()

    async def run(self) -> None:
        """Keep what tokens are verified with fresh until cancelled."""
        await self._authenticator.run()

    async def authenticate(self, authorization: str | None) -> Caller:
        """Return the caller of an `Authorization` header; raises auth.errors.AccessDenied, TooManyRequests."""
        caller = await self._states.checked(await self._authenticator.authenticate(authorization))
        self._rates.count_user(caller.user_id)
        observing.bind(user_id=caller.user_id)
        if caller not in self._seen:
            async with self._database.transaction() as transaction:
                await get_or_create_account(transaction, caller, self._policy)
            if len(self._seen) >= REMEMBERED_CALLERS:
                self._seen.clear()
            self._seen.add(caller)
        return caller
