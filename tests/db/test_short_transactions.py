"""A short transaction keeps all or nothing, whatever becomes of its connection or of who waits for it."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import Integer, func, select

from auth.caller import Caller
from db import accounts, ledger
from db.engine.database import Database
from db.engine.errors import DatabaseUnavailable
from db.engine.statements import Reader, Row, Statement, Writer
from db.enums import LedgerEntryKind
from db.ledger import Entry
from tests.doubles.postgres_proxy import proxied
from tests.house import House
from tests.inspected import InspectedDatabase


class Process(Row):
    """A connection's process on the server."""

    pid: int


PROCESS = Statement(select(func.pg_backend_pid(type_=Integer)), Process)


@pytest.fixture
async def one(house: House) -> AsyncIterator[InspectedDatabase]:
    """A database with one connection for short transactions and single reads."""
    database = InspectedDatabase(house.database.server.url, pool_size=2)
    yield database
    await database.close()


async def charge(writer: Writer, caller: Caller, tokens: int) -> int:
    return (await ledger.record(writer, caller.user_id, Entry(LedgerEntryKind.CHARGE, -tokens))).balance_after


async def end_connection(house: House, reader: Reader) -> None:
    (process,) = await reader.fetch(PROCESS)
    async with house.database.raw_connection() as connection:
        await connection.execute("SELECT pg_terminate_backend($1, 10000)", process.pid)


async def test_what_succeeds_is_kept_and_what_fails_is_not(house: House, one: InspectedDatabase) -> None:
    caller = await house.user(tokens=100)

    async with one.transaction() as transaction:
        assert await charge(transaction, caller, 10) == 90
    with pytest.raises(asyncpg.CheckViolationError, match="tokens_never_negative"):
        await overdraw(one, caller)

    assert await house.tokens(caller) == 90


async def overdraw(database: InspectedDatabase, caller: Caller) -> None:
    async with database.transaction() as transaction:
        await charge(transaction, caller, 10)
        await charge(transaction, caller, 100)


async def test_a_connection_that_was_lost_before_is_replaced(house: House, one: InspectedDatabase) -> None:
    caller = await house.user(tokens=100)
    await end_connection(house, one.reader)

    async with one.transaction() as transaction:
        await charge(transaction, caller, 10)

    assert await house.tokens(caller) == 90


async def test_a_connection_that_is_lost_in_the_middle_keeps_nothing(house: House, one: InspectedDatabase) -> None:
    caller = await house.user(tokens=100)

    async def lose() -> None:
        async with one.transaction() as transaction:
            await charge(transaction, caller, 10)
            await end_connection(house, transaction)

    with pytest.raises(DatabaseUnavailable):
        await lose()
    assert await house.tokens(caller) == 100
    async with one.transaction() as transaction:
        assert await charge(transaction, caller, 10) == 90


async def test_a_cancelled_one_leaves_a_clean_connection(house: House, one: InspectedDatabase) -> None:
    caller = await house.user(tokens=100)
    charged = asyncio.Event()

    async def hang() -> None:
        async with one.transaction() as transaction:
            await charge(transaction, caller, 10)
            charged.set()
            await asyncio.Event().wait()

    hanging = asyncio.create_task(hang())
    await charged.wait()
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging

    async with one.transaction() as transaction:
        assert await charge(transaction, caller, 20) == 80
    assert await house.tokens(caller) == 80


async def test_one_that_is_cancelled_while_it_begins_leaves_no_part_behind(house: House) -> None:
    """The driver would take the next one for a part of it."""
    caller, folder = await house.user(tokens=100), house.database.server.address.hosts[0][0]
    async with proxied(folder) as proxy:
        one = Database(f"postgres://postgres@127.0.0.1:{proxy.port}/postgres", pool_size=2)
        async with one.transaction() as transaction:
            await charge(transaction, caller, 10)
        proxy.cut_off()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), one.transaction():
                pytest.fail("It cannot begin")
        proxy.join()

        async with one.transaction() as transaction:
            await charge(transaction, caller, 20)
        await one.close()

    assert await house.tokens(caller) == 70


@pytest.mark.parametrize("word", ["BEGIN", "COMMIT"])
async def test_who_gives_up_at_either_end_leaves_no_transaction_to_the_next_one(
    house: House, one: InspectedDatabase, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    """A statement that is a transaction of its own would be a part of it, and be lost with it."""
    caller = await house.user()
    execute, is_open = asyncpg.Connection.execute, asyncio.Event()

    async def hang(connection: asyncpg.Connection, query: str) -> None:
        if query != "COMMIT":
            await execute(connection, query)
        if query.startswith(word):
            is_open.set()
            await asyncio.Event().wait()

    async def nothing() -> None:
        async with one.transaction():
            pass

    with monkeypatch.context() as patched:
        patched.setattr(asyncpg.Connection, "execute", hang)
        hanging = asyncio.create_task(nothing())
        await is_open.wait()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
    async with one.lone_statement() as statement:
        await accounts.set_email(statement, caller.user_id, "new@example.com")

    account = await accounts.get(house.database.reader, caller.user_id)
    assert account is not None
    assert account.email == "new@example.com"


async def test_a_server_that_is_not_there_is_named() -> None:
    database = InspectedDatabase("postgresql://nobody@127.0.0.1:1/nothing")

    with pytest.raises(DatabaseUnavailable):
        async with database.transaction():
            pass
