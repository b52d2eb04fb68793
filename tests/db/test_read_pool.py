"""Single reads go on through restarts and cancellations, and name what is wrong."""

import asyncio
from functools import partial

import asyncpg
import pytest
from sqlalchemy import Integer, bindparam, func, select, table, text

from db.engine.errors import DatabaseNotMigrated, DatabaseUnavailable
from db.engine.limits import FOR_REQUESTS, Limits
from db.engine.pool import Pool
from db.engine.statements import Row, Statement
from tests.inspected import InspectedDatabase


class Number(Row):
    number: int


class Process(Row):
    pid: int


DOUBLE = Statement(select(bindparam("number", type_=Integer) * 2), Number)
WHO = Statement(select(func.pg_backend_pid()), Process)
SLOW_WHO = Statement(select(func.pg_backend_pid()).select_from(text("pg_sleep(0.05)")), Process)
ENDLESS = Statement(select(func.pg_backend_pid()).select_from(text("pg_sleep(3600)")), Process)
NOWHERE = Statement(select(text("1")).select_from(table("no_such_table")), Number)


def pool_of(database: InspectedDatabase, size: int, limits: Limits = FOR_REQUESTS, wait_seconds: float = 60.0) -> Pool:
    return Pool(partial(database.server.connect, limits), size, {}, wait_seconds)


async def opened(pool: Pool, count: int) -> set[int]:
    """Let so many connections be opened; return the server's processes behind them."""
    return {rows[0].pid for rows in await asyncio.gather(*(pool.fetch(SLOW_WHO) for _ in range(count)))}


async def test_rows_have_their_columns_as_attributes(database: InspectedDatabase) -> None:
    (row,) = await database.reader.fetch(DOUBLE, number=21)
    assert (row.number, tuple(row)) == (42, (42,))


async def test_connections_are_opened_when_they_are_needed_and_used_again(database: InspectedDatabase) -> None:
    pool = pool_of(database, 3)

    first = {(await pool.fetch(WHO))[0].pid for _ in range(3)}
    many = await opened(pool, 9)

    assert len(first) == 1
    assert len(many) == 3
    assert first < many
    await pool.close()


async def test_a_read_outlives_the_loss_of_every_connection(database: InspectedDatabase) -> None:
    pool = pool_of(database, 3)
    before = await opened(pool, 3)

    async with database.raw_connection() as connection:
        for pid in before:
            await connection.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
    after = await opened(pool, 3)

    assert len(after) == 3
    assert not before & after
    await pool.close()


async def test_a_cancelled_read_leaves_its_connection_usable(database: InspectedDatabase) -> None:
    pool = pool_of(database, 1)
    pid = (await pool.fetch(WHO))[0].pid

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pool.fetch(ENDLESS), 0.05)

    assert (await pool.fetch(WHO))[0].pid == pid
    await pool.close()


async def test_a_connection_that_the_driver_has_lost_track_of_is_replaced(
    database: InspectedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pool_of(database, 1)
    pid = (await pool.fetch(WHO))[0].pid
    fetch, lost = asyncpg.Connection.fetch, asyncpg.InternalClientError("cannot switch to state 12")

    async def fetch_once(*_arguments: object, **_more: object) -> object:
        monkeypatch.setattr(asyncpg.Connection, "fetch", fetch)
        raise lost

    monkeypatch.setattr(asyncpg.Connection, "fetch", fetch_once)
    assert (await pool.fetch(WHO))[0].pid != pid
    await pool.close()


async def test_a_transaction_that_the_driver_has_lost_track_of_is_named(database: InspectedDatabase) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with database.transaction():
            raise asyncpg.InternalClientError("cannot switch to state 12")


async def test_a_missing_table_is_named(database: InspectedDatabase) -> None:
    with pytest.raises(DatabaseNotMigrated):
        await database.reader.fetch(NOWHERE)


async def test_a_wrong_parameter_is_no_lost_connection(database: InspectedDatabase) -> None:
    with pytest.raises(asyncpg.DataError):
        await database.reader.fetch(DOUBLE, number="many")


async def test_without_a_server_there_is_no_answer() -> None:
    pool = pool_of(InspectedDatabase("postgresql:///x?host=/nowhere&port=1"), 1)
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            await pool.fetch(WHO)


async def test_a_transaction_reads_what_it_has_written(database: InspectedDatabase) -> None:
    async with database.transaction() as transaction:
        before = (await transaction.fetch(WHO))[0].pid
        await transaction.send("CREATE TEMPORARY TABLE no_such_table ON COMMIT DROP AS SELECT 1")
        assert [row.number for row in await transaction.fetch(NOWHERE)] == [1]
        assert (await transaction.fetch(WHO))[0].pid == before

    with pytest.raises(DatabaseNotMigrated):
        await database.reader.fetch(NOWHERE)


async def test_a_lone_statement_is_alone(database: InspectedDatabase) -> None:
    async with database.lone_statement() as writer:
        assert len(await writer.fetch(WHO)) == 1
        with pytest.raises(RuntimeError):
            await writer.fetch(WHO)


async def test_a_lone_statement_is_not_repeated_and_its_connection_is_replaced(
    database: InspectedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pool_of(database, 1)
    pid = (await pool.fetch(WHO))[0].pid
    tried: list[object] = []

    async def fetch(*arguments: object, **_more: object) -> object:
        tried.append(arguments)
        raise asyncpg.InternalClientError("cannot switch to state 12")

    async def who() -> int:
        return (await pool.lone_statement().fetch(WHO))[0].pid

    with monkeypatch.context() as patched:
        patched.setattr(asyncpg.Connection, "fetch", fetch)
        with pytest.raises(DatabaseUnavailable):
            await who()

    assert len(tried) == 1
    assert await who() != pid
    await pool.close()
