"""What our own rows say of accounts besides their tokens: who is suspended, and who is an admin.

A process knows all rows that say something, and reads them anew every second; so a request costs nothing more, and
whoever is suspended is locked out of every process within seconds, open streams included.
"""

import asyncio
import logging
import time
from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from auth.caller import AccountStatus, Caller, Role
from auth.errors import AccountNotActive
from db import accounts
from db.accounts import AccountState
from db.engine.background import BackgroundLoop
from db.engine.errors import DatabaseUnavailable
from db.engine.statements import Reader
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
        caller.require_active()
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

        Raises:
            DatabaseUnavailable

        """
        found = await accounts.special_states(self._reader)
        admins, now = self._admins(), time.monotonic()
        self._known, self._read_at = {state.id: state for state in found}, now
        self._demoted |= dict.fromkeys(admins - self._admins(), now + STALE_SECONDS)
        self._demoted = {id_: until for id_, until in self._demoted.items() if until > now}
        self._streams.end_of(self._restricted())
        self._streams.end_as_admins(self._demoted)

    def _restricted(self) -> Collection[UUID]:
        return {id_ for id_, state in self._known.items() if state.status != AccountStatus.ACTIVE}

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
