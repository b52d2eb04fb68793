"""Reads by an id, asked for one by one and sent together: each gets its own rows, whatever becomes of the others."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import ARRAY, Uuid, bindparam, func, select, table, text, union_all

from db.engine.errors import DatabaseNotMigrated
from db.engine.gathering import MOST_TOGETHER, Gathering
from db.engine.limits import FOR_REQUESTS, UNLIMITED
from db.engine.pool import Pool
from db.engine.statements import Reader, Row, Statement
from tests.house import eventually
from tests.inspected import InspectedDatabase

SOON = 20.0
SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"


class Asked(Row):
    id: UUID
    together: int


IDS = bindparam("ids", type_=ARRAY(Uuid))
ID = func.unnest(IDS).column_valued("id")
NOBODY, TWICE = uuid4(), uuid4()
# Each row tells how many ids it was sent with. Of the one there is none, of the other there are two.
_EACH = select(ID, func.cardinality(IDS)).where(ID != NOBODY)
ASKED = Statement(union_all(_EACH, _EACH.where(ID == TWICE)), Asked)
ENDLESS = Statement(_EACH.where(func.pg_sleep(3600).is_not(None)), Asked)
NOWHERE = Statement(select(ID, text("1")).select_from(table("no_such_table")), Asked)


async def read(reader: Reader, id_: UUID) -> list[tuple[UUID, int]]:
    return [(row.id, row.together) for row in await reader.rows_of(ASKED, id_)]


async def test_what_is_asked_at_once_is_sent_together_and_parted_again(database: InspectedDatabase) -> None:
    reader, one, other = database.reader, uuid4(), uuid4()

    found = await asyncio.gather(*(read(reader, id_) for id_ in (one, TWICE, NOBODY, other, one)))

    # Whoever asks for the same is one of four.
    assert found == [[(one, 4)], [(TWICE, 4)] * 2, [], [(other, 4)], [(one, 4)]]


async def test_one_alone_waits_for_nobody(database: InspectedDatabase) -> None:
    one, other = uuid4(), uuid4()
    assert [await read(database.reader, id_) for id_ in (one, other)] == [[(one, 1)], [(other, 1)]]


async def test_a_statement_takes_no_more_than_its_share(database: InspectedDatabase) -> None:
    ids = [uuid4() for _ in range(2 * MOST_TOGETHER + 5)]

    found = await asyncio.gather(*(read(database.reader, id_) for id_ in ids))

    assert found == [[(id_, 5 if place >= 2 * MOST_TOGETHER else MOST_TOGETHER)] for place, id_ in enumerate(ids)]


async def test_what_is_too_much_for_one_statement_does_not_wait_for_the_next_time() -> None:
    sent: list[int] = []

    async def send(_statement: object, lists: Mapping[str, Sequence[object]]) -> list[object]:
        sent.append(len(lists["ids"]))
        return []

    gathering = Gathering(send, 3600.0)
    asked = [asyncio.ensure_future(gathering.rows(ASKED, id_, {"ids": id_})) for id_ in (uuid4(),) * 2505]
    await asyncio.wait(asked[:2000], timeout=SOON)

    assert sent == [1000, 1000]
    await gathering.close()
    await asyncio.wait(asked, timeout=SOON)
    assert [task.cancelled() for task in asked] == [False] * 2000 + [True] * 505


async def test_statements_are_kept_apart(database: InspectedDatabase) -> None:
    ids = uuid4(), uuid4()
    rows, error = await asyncio.gather(
        read(database.reader, ids[0]), database.reader.rows_of(NOWHERE, ids[1]), return_exceptions=True
    )
    assert rows == [(ids[0], 1)]
    assert type(error) is DatabaseNotMigrated


async def test_who_gives_up_does_not_disturb_the_others(database: InspectedDatabase) -> None:
    ids = uuid4(), uuid4()
    first, second = (asyncio.ensure_future(read(database.reader, id_)) for id_ in ids)
    await asyncio.sleep(0)
    first.cancel()

    assert await second == [(ids[1], 1)]
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_read_for_which_nobody_waits_any_more_ends(database: InspectedDatabase) -> None:
    # The server would end it, too, after a while.
    pool, one = Pool(partial(database.server.connect, UNLIMITED), 1, {}, 60.0), uuid4()
    assert await read(pool, one) == [(one, 1)]

    for _ in range(2):
        found = await asyncio.gather(
            *(asyncio.wait_for(pool.rows_of(ENDLESS, uuid4()), 0.05) for _ in range(2)), return_exceptions=True
        )
        assert [type(error) for error in found] == [TimeoutError] * 2
    async with asyncio.timeout(SOON):
        assert await read(pool, one) == [(one, 1)]
    await pool.close()


async def test_whoever_waits_is_told_when_the_pool_is_closed(database: InspectedDatabase) -> None:
    pool = Pool(partial(database.server.connect, FOR_REQUESTS), 1, {}, 60.0)
    waiting = asyncio.ensure_future(pool.rows_of(ENDLESS, uuid4()))

    async def sleeping() -> int:
        async with database.raw_connection() as connection:
            return int(await connection.fetchval(SLEEPING))

    await eventually(sleeping, bool)

    async with asyncio.timeout(SOON):
        await pool.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_closed_pool_begins_with_nothing(database: InspectedDatabase) -> None:
    opened: list[object] = []

    async def connect() -> asyncpg.Connection:
        opened.append(connection := await database.server.connect(FOR_REQUESTS))
        return connection

    pool = Pool(connect, 1, {}, 60.0)
    waiting = asyncio.ensure_future(pool.rows_of(ASKED, uuid4()))
    await asyncio.sleep(0)

    await pool.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert opened == []


async def test_a_failure_is_everybodys(database: InspectedDatabase) -> None:
    found = await asyncio.gather(*(database.reader.rows_of(NOWHERE, uuid4()) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [DatabaseNotMigrated] * 3


async def test_a_transaction_reads_for_itself(database: InspectedDatabase) -> None:
    async with database.transaction() as transaction:
        assert await read(transaction, TWICE) == [(TWICE, 1)] * 2
        assert await read(transaction, NOBODY) == []
