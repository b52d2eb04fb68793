"""Statements about one row each, which many ask for one by one and which are sent together."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from db.engine.statements import SomeRow, Statement

# What comes beyond goes in a statement of its own, which is sent at once.
MOST_TOGETHER = 1000

Values = Mapping[str, object]
Send = Callable[[Statement[Any], Mapping[str, Sequence[object]]], Awaitable[Sequence[Any]]]


class _Asked(NamedTuple):
    """Whose rows are asked for, the statement's parameters, and the answer that is waited for."""

    id: UUID
    values: Values
    answer: asyncio.Future[Any]


@dataclass(slots=True)
class _Batch:
    """What is asked of a statement at once, by how many who still wait, and what begins it."""

    asked: list[_Asked] = field(default_factory=list)
    waiting: int = 0
    due: asyncio.Handle | None = None
    sending: asyncio.Task[None] | None = None

    def left(self) -> list[_Asked]:
        """Return what is still to be answered, and forget it: a failure's traceback must not lead back to it."""
        left = [asked for asked in self.asked if not asked.answer.done()]
        self.asked.clear()
        return left

    def lists(self) -> dict[str, list[object]]:
        """Return the statement's parameters: the same place in each list is the same one's."""
        return {name: [asked.values[name] for asked in self.asked] for name in self.asked[0].values}


class Gathering:
    """Sends what is asked of a statement in one turn of the event loop at once; the first waits for nobody.

    For reads, this saves 18% of a poll's time with 16 clients. A statement begins after it was asked for, so it sees
    what was written before; it ends when nobody waits for it any more. It is not sent again within `rest_seconds`: what
    is asked for meanwhile goes together then. `send` gets a list for each parameter, and returns rows that begin with
    their id.
    """

    def __init__(self, send: Send, rest_seconds: float = 0) -> None:
        self._send = send
        self._rest_seconds = rest_seconds
        self._open: dict[Statement[Any], _Batch] = {}
        self._under_way: dict[asyncio.Task[None], _Batch] = {}

    async def rows(self, statement: Statement[SomeRow], id_: UUID, values: Values) -> list[SomeRow]:
        """Return the rows of that id."""
        loop = asyncio.get_running_loop()
        if statement in self._open and len(self._open[statement].asked) >= MOST_TOGETHER:
            self._begin(statement)
        batch = self._open.get(statement)
        if batch is None:
            batch = self._open[statement] = _Batch(due=loop.call_soon(self._begin, statement))
        asked = _Asked(id_, values, loop.create_future())
        batch.asked.append(asked)
        batch.waiting += 1
        try:
            return list(await asked.answer)
        finally:
            batch.waiting -= 1
            if batch.sending is not None and not batch.waiting:
                batch.sending.cancel()

    async def close(self) -> None:
        """End what is under way, and begin with nothing."""
        # Here, since a task that is cancelled before it begins tells nobody.
        for batch in (*self._open.values(), *self._under_way.values()):
            for asked in batch.left():
                asked.answer.cancel()
        for sending in self._under_way:
            sending.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _begin(self, statement: Statement[Any]) -> None:
        batch = self._open.pop(statement)
        if batch.due is not None:
            batch.due.cancel()
        batch.asked = batch.left()
        if batch.asked:
            batch.sending = asyncio.create_task(self._sent(statement, batch))
            self._under_way[batch.sending] = batch
            batch.sending.add_done_callback(self._under_way.pop)
            if self._rest_seconds:
                due = asyncio.get_running_loop().call_later(self._rest_seconds, self._begin, statement)
                self._open[statement] = _Batch(due=due)

    async def _sent(self, statement: Statement[Any], batch: _Batch) -> None:
        rows: defaultdict[UUID, list[Any]] = defaultdict(list)
        try:
            for row in await self._send(statement, batch.lists()):
                rows[row[0]].append(row)
        except asyncio.CancelledError:
            for asked in batch.left():
                asked.answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - it is theirs who have asked
            for asked in batch.left():
                asked.answer.set_exception(error)
        else:
            for asked in batch.left():
                asked.answer.set_result(rows[asked.id])
