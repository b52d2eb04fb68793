"""One user's GraphQL queries and REST lists are executed one by one: who asks for many keeps nobody else waiting.

A dear one takes some milliseconds. With 16 of one user at once, another's polls took 15 times as long as alone, with
two 8 times, so 4 times: `make trust` looks.
"""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Line:
    """One user's: how many are there, of whom one may go on."""

    present: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Turns:
    """Lets each user go on with one thing; the others wait in their order. Who has none takes no memory."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, _Line] = {}

    def __len__(self) -> int:
        """Return how many users are there."""
        return len(self._lines)

    @asynccontextmanager
    async def of(self, user: Hashable) -> AsyncIterator[None]:
        """Wait for a turn, and keep it for as long as the context lasts."""
        line = self._lines.setdefault(user, _Line())
        line.present += 1
        try:
            async with line.turn:
                yield
        finally:
            line.present -= 1
            if not line.present:
                del self._lines[user]
