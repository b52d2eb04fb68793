"""The driver's own connections, for single reads and for transactions.

A single read sees its own moment, and leaves nothing behind on its connection.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar
from uuid import UUID

import asyncpg

from db.engine.connections import close
from db.engine.error_names import DRIVER_ERRORS, is_lost, raise_named
from db.engine.errors import DatabaseBusy, DatabaseConflict, DatabaseLocked, DatabaseUnavailable
from db.engine.gathering import Gathering
from db.engine.statements import AnyRow, LoneStatement, Reader, SomeRow, Statement, Writer, alone, sent

# A server that has stopped must not keep those waiting who have given up already.
ROLLBACK_SECONDS = 1.0

# For how long a statement may run that may have to look at a whole table; the driver cancels it then.
SLOW_SECONDS = 4.0

# Changes of a kind go together that come within so long of the last ones: of PostgreSQL's time for a job, which has
# nine changes, this saves a third with one worker, a tenth with four.
REST_SECONDS = 0.1
# What the server refuses for one row's sake: nothing of the statement was kept.
_FOR_ONES_SAKE = (DatabaseConflict, DatabaseLocked, asyncpg.PostgresError, asyncpg.InterfaceError)

Result = TypeVar("Result")


class _Slot:
    """A place for a connection, which is opened when it is needed, and again when it was lost."""

    def __init__(self) -> None:
        self.connection: asyncpg.Connection | None = None


class Pool(Reader):
    """A reader outside of any transaction: reads are repeated when a connection was lost.

    Whoever gets no connection within `wait_seconds` gets none. `waits` counts who had to wait for a connection, and
    `seconds_waited` for how long they did together.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        size: int,
        capabilities: dict[str, bool],
        wait_seconds: float,
        beginning: str = "BEGIN",
    ) -> None:
        self.capabilities = capabilities
        self._connect = connect
        self._wait_seconds = wait_seconds
        self._beginning = beginning
        # The one that was used last comes first. Not asyncpg's pool, whose task and clean-up for each release take as
        # long as a small read.
        self._free = [_Slot() for _ in range(size)]
        self._places = asyncio.Semaphore(size)
        # Others are for what is short: five searches for what is not there would keep every poll waiting.
        self._slow = asyncio.Semaphore(max(1, size * 2 // 5))
        self._closing: set[asyncio.Task[None]] = set()
        self._reads = Gathering(self._read)
        self._changes = Gathering(self._written, REST_SECONDS)
        self._changing: set[UUID] = set()
        self.waits = 0
        self.seconds_waited = 0.0

    async def fetch(self, statement: Statement[SomeRow], **values: object) -> list[SomeRow]:
        """See `Reader`."""
        if not statement.is_slow:
            return await self._fetched(statement, values, None)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._slow.acquire()
        except TimeoutError:
            raise DatabaseBusy from None
        try:
            return await self._fetched(statement, values, SLOW_SECONDS)
        finally:
            self._slow.release()

    async def rows_of(self, statement: Statement[SomeRow], id_: UUID) -> list[SomeRow]:
        """See `Reader`."""
        return await self._reads.rows(statement, id_, {"ids": id_})

    async def _read(self, statement: Statement[SomeRow], lists: Mapping[str, Sequence[object]]) -> list[SomeRow]:
        return await self.fetch(statement, ids=list(dict.fromkeys(lists["ids"])))

    async def _fetched(
        self, statement: Statement[SomeRow], values: dict[str, object], seconds: float | None
    ) -> list[SomeRow]:
        arguments = statement.arguments(values)

        def send(connection: asyncpg.Connection) -> Awaitable[list[SomeRow]]:
            return connection.fetch(statement.sql, *arguments, timeout=seconds, record_class=statement.row)

        slot = await self._taken()
        try:
            return await self._again_if_lost(slot, send)
        except (OSError, *DRIVER_ERRORS) as error:
            raise_named(error)
            raise
        finally:
            self._give_back(slot)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Writer]:
        """Commit what happens inside, or none of it; raises DatabaseUnavailable."""
        slot = await self._taken()
        try:
            connection = await self._done_or_discarded(slot, self._again_if_lost(slot, self._begin))
            try:
                yield Writer(partial(sent, connection), self.capabilities)
            except BaseException:
                await self._roll_back(slot, connection)
                raise
            await self._done_or_discarded(slot, connection.execute("COMMIT"))
        except (ConnectionError, TimeoutError, *DRIVER_ERRORS) as error:
            raise_named(error)
            raise
        finally:
            self._give_back(slot)

    def lone_statement(self) -> LoneStatement:
        """Return a writer for one statement: a transaction of one would take two more round trips."""
        return LoneStatement(self._sent_alone, self._changed, self.capabilities)

    async def _sent_alone(self, sql: str, arguments: Sequence[object], row: type[AnyRow]) -> list[AnyRow]:
        """Send a statement that is never repeated, lost connection or not: the server may have done what it says."""
        slot = await self._taken()
        try:
            if slot.connection is None or slot.connection.is_closed():
                slot.connection = await self._connect()
            return await sent(slot.connection, sql, arguments, row)
        except DatabaseUnavailable:
            self._discard(slot)
            raise
        finally:
            self._give_back(slot)

    async def _written(self, statement: Statement[SomeRow], lists: Mapping[str, Sequence[object]]) -> list[SomeRow]:
        return await self._sent_alone(statement.sql, statement.arguments(dict(lists)), statement.row)

    async def _changed(self, statement: Statement[SomeRow], id_: UUID, values: Mapping[str, object]) -> list[SomeRow]:
        """Change a row together with others; a row that is being changed here alone, and the server decides."""
        if id_ in self._changing:
            return await self._written(statement, alone(values))
        self._changing.add(id_)
        try:
            return await self._changes.rows(statement, id_, values)
        except _FOR_ONES_SAKE:
            return await self._written(statement, alone(values))
        finally:
            self._changing.discard(id_)

    async def close(self) -> None:
        """End what is gathered, and close the connections that nobody uses."""
        await asyncio.gather(self._reads.close(), self._changes.close())
        for slot in self._free:
            self._discard(slot)
        await asyncio.gather(*self._closing)

    async def _taken(self) -> _Slot:
        if self._places.locked():
            await self._wait()
        else:
            await self._places.acquire()
        return self._free.pop()

    async def _wait(self) -> None:
        began = time.monotonic()
        self.waits += 1
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._places.acquire()
        except TimeoutError:
            raise DatabaseBusy from None
        finally:
            self.seconds_waited += time.monotonic() - began

    def _give_back(self, slot: _Slot) -> None:
        self._free.append(slot)
        self._places.release()

    async def _again_if_lost(self, slot: _Slot, work: Callable[[asyncpg.Connection], Awaitable[Result]]) -> Result:
        """Do what is safe to repeat, once more where the connection was lost since its last use."""
        while True:
            connection, is_new = slot.connection, False
            if connection is None or connection.is_closed():
                connection = slot.connection = await self._connect()
                is_new = True
            try:
                return await work(connection)
            except Exception as error:
                if is_lost(error):
                    self._discard(slot)
                # Whoever did not answer in time is not asked again: that would take as long once more.
                if is_new or isinstance(error, TimeoutError) or not is_lost(error):
                    raise

    async def _begin(self, connection: asyncpg.Connection) -> asyncpg.Connection:
        await connection.execute(self._beginning)
        return connection

    async def _done_or_discarded(self, slot: _Slot, work: Awaitable[Result]) -> Result:
        """Begin or end a transaction; else it may have begun or go on, and the next one would be a part of it."""
        try:
            return await work
        except BaseException as error:
            self._discard(slot)
            raise_named(error)
            raise

    async def _roll_back(self, slot: _Slot, connection: asyncpg.Connection) -> None:
        try:
            async with asyncio.timeout(ROLLBACK_SECONDS):
                await connection.execute("ROLLBACK")
        except BaseException as error:
            self._discard(slot)
            if not isinstance(error, Exception):
                raise

    def _discard(self, slot: _Slot) -> None:
        """Close a connection in the background: the server may not answer, and is to stop what it still does."""
        connection, slot.connection = slot.connection, None
        if connection is not None:
            task = asyncio.create_task(close(connection))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
