"""Who writes: a transaction on one of the driver's connections, or one statement that commits by itself."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from db.engine.error_names import errors_named
from db.engine.statements import SomeRow, Statement

AnyRow = TypeVar("AnyRow", bound=asyncpg.Record)
Send = Callable[[str, Sequence[object], type[Any]], Awaitable[list[Any]]]
Change = Callable[[Statement[Any], UUID, Mapping[str, object]], Awaitable[list[Any]]]


async def sent(
    connection: asyncpg.Connection, sql: str, arguments: Sequence[object], row: type[AnyRow]
) -> list[AnyRow]:
    """Send a statement on a connection that is ours; its errors are named."""
    with errors_named(OSError):
        return await connection.fetch(sql, *arguments, record_class=row)


class Transaction:
    """A `db.engine.statements.Writer` on one of the driver's connections. `capabilities` is its pool's."""

    def __init__(self, send: Send, capabilities: dict[str, bool]) -> None:
        self.capabilities = capabilities
        self.wake_ups: list[str] = []
        self.tokens: Counter[str] = Counter()
        self._send = send

    async def fetch(self, statement: Statement[SomeRow], **values: object) -> list[SomeRow]:
        """See `db.engine.statements.Reader`."""
        return await self._send(statement.sql, statement.arguments(values), statement.row)

    async def rows_of(self, statement: Statement[SomeRow], id_: UUID) -> list[SomeRow]:
        """See `db.engine.statements.Reader`."""
        return await self.fetch(statement, ids=[id_])

    async def changed(self, statement: Statement[SomeRow], _id: UUID, values: Mapping[str, object]) -> list[SomeRow]:
        """See `db.engine.statements.Writer`."""
        return await self.fetch(statement, **alone(values))

    async def send(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """See `db.engine.statements.Writer`."""
        return await self._send(sql, arguments, asyncpg.Record)


class LoneStatement(Transaction):
    """A `db.engine.statements.Writer` for one statement, which commits by itself, or with others of its kind."""

    def __init__(self, send: Send, change: Change, capabilities: dict[str, bool]) -> None:
        super().__init__(self._first, capabilities)
        self._send_alone = send
        self._change = change
        self._is_sent = False

    async def changed(self, statement: Statement[SomeRow], _id: UUID, values: Mapping[str, object]) -> list[SomeRow]:
        """See `db.engine.statements.Writer`."""
        self._note_sent()
        return await self._change(statement, _id, values)

    async def _first(self, sql: str, arguments: Sequence[object], row: type[AnyRow]) -> list[AnyRow]:
        self._note_sent()
        return await self._send_alone(sql, arguments, row)

    def _note_sent(self) -> None:
        if self._is_sent:
            raise RuntimeError("A second statement needs a transaction")
        self._is_sent = True


def alone(values: Mapping[str, object]) -> dict[str, list[object]]:
    """Return the parameters of a statement about many for one of them."""
    return {name: [value] for name, value in values.items()}
