"""Searches own only a part of the connections, and not for long: polls go on beside them."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select, text

from app.settings import Settings
from auth.caller import Caller
from db.engine import pool as pools
from db.engine.errors import DatabaseTimedOut
from db.engine.limits import Limits
from db.engine.statements import Row, Statement
from tests.db.test_read_pool import WHO, pool_of
from tests.house import House, eventually
from tests.inspected import InspectedDatabase
from tests.servers import serving

SEARCHES = 16
MINUTE = 60.0


class Process(Row):
    pid: int


ENDLESS = Statement(select(func.pg_backend_pid()).select_from(text("pg_sleep(3600)")), Process, is_slow=True)


async def poll(house: House, caller: Caller, job: str) -> dict[str, Any]:
    return await house.graphql(caller, "query ($id: ID!) { videoJob(id: $id) { status } }", id=job)


async def search(house: House, caller: Caller, wire: str) -> int:
    if wire == "rest":
        path = "/api/v1/looks"
        return (await house.http.get(path, params={"search": "nowhere"}, headers=house.headers(caller))).status_code
    body = await house.graphql(caller, '{ looks(search: "nowhere") { nodes { id } } }')
    return 503 if body["errors"][0]["extensions"]["code"].startswith("DATABASE_") else 200


@pytest.mark.parametrize("wire_name", ["rest", "graphql"])
async def test_polls_go_on_while_searches_hang(
    house: House, settings: Settings, monkeypatch: pytest.MonkeyPatch, wire_name: str
) -> None:
    """Polls could wait 2 s for a connection, searches keep theirs for a minute: no search makes room for a poll."""
    monkeypatch.setattr(pools, "SLOW_SECONDS", MINUTE)
    url = house.database.server.url
    patient = InspectedDatabase(url, limits=Limits(10.0, MINUTE, MINUTE, MINUTE), wait_seconds=2.0)
    quiet = await house.user()
    # Those of one user take turns.
    loud = [await house.user() for _ in range(SEARCHES)]
    job = await house.create(quiet)
    async with (
        serving(settings, patient) as base_url,
        House.opened(settings, patient, base_url) as there,
        house.database.raw_connection() as connection,
        connection.transaction(),
    ):
        # As a search over millions of rows would take.
        await connection.execute("LOCK TABLE looks IN ACCESS EXCLUSIVE MODE")
        searches = [asyncio.create_task(search(there, user, wire_name)) for user in loud]
        await eventually(house.waiting_for_locks, lambda number: number > 0)
        answers = [await poll(there, quiet, job) for _ in range(30)]
        hanging = await house.waiting_for_locks()
        for task in searches:
            task.cancel()
        await asyncio.gather(*searches, return_exceptions=True)
    await patient.close()

    assert [answer["data"] for answer in answers] == [{"videoJob": {"status": "PENDING"}}] * 30
    assert hanging > 0


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
