"""Searches own only a part of the connections, and not for long: polls go on beside them."""

import asyncio
import time

import pytest
from sqlalchemy import func, select, text

from auth.caller import Caller
from db.engine import pool as pools
from db.engine.errors import DatabaseTimedOut
from db.engine.statements import Row, Statement
from tests.db.test_read_pool import WHO, pool_of
from tests.house import House
from tests.inspected import InspectedDatabase

SEARCHES = 16


class Process(Row):
    pid: int


ENDLESS = Statement(select(func.pg_backend_pid()).select_from(text("pg_sleep(3600)")), Process, is_slow=True)


async def poll(house: House, caller: Caller, job: str) -> float:
    begun = time.perf_counter()
    body = await house.graphql(caller, "query ($id: ID!) { videoJob(id: $id) { status } }", id=job)
    assert body["data"] == {"videoJob": {"status": "PENDING"}}
    return time.perf_counter() - begun


async def search(house: House, caller: Caller, wire: str) -> int:
    if wire == "rest":
        path = "/api/v1/looks"
        return (await house.http.get(path, params={"search": "nowhere"}, headers=house.headers(caller))).status_code
    body = await house.graphql(caller, '{ looks(search: "nowhere") { nodes { id } } }')
    return 503 if body["errors"][0]["extensions"]["code"].startswith("DATABASE_") else 200


@pytest.mark.parametrize("wire_name", ["rest", "graphql"])
async def test_polls_go_on_while_searches_hang(house: House, wire_name: str) -> None:
    loud, quiet = await house.user(), await house.user()
    job = await house.create(quiet)
    before = sorted([await poll(house, quiet, job) for _ in range(30)])
    async with house.database.raw_connection() as connection, connection.transaction():
        # As a search over millions of rows would take: until the lock, or the statement, times out.
        await connection.execute("LOCK TABLE looks IN ACCESS EXCLUSIVE MODE")
        searches = [asyncio.ensure_future(search(house, loud, wire_name)) for _ in range(SEARCHES)]
        await asyncio.sleep(0.2)
        beside = sorted([await poll(house, quiet, job) for _ in range(30)])
        for task in searches:
            task.cancel()
        await asyncio.gather(*searches, return_exceptions=True)

    assert beside[-1] < 20 * before[27]


async def test_a_slow_statement_is_cancelled_and_others_have_connections(
    database: InspectedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "SLOW_SECONDS", 1.0)
    pool = pool_of(database, 5)
    slow = [asyncio.ensure_future(pool.fetch(ENDLESS)) for _ in range(8)]
    await asyncio.sleep(0.1)

    async with asyncio.timeout(0.8):
        quick = [(await pool.fetch(WHO))[0].pid for _ in range(20)]
    refused = await asyncio.gather(*slow, return_exceptions=True)

    assert len(quick) == 20
    assert [type(error) for error in refused] == [DatabaseTimedOut] * 8
    await pool.close()
