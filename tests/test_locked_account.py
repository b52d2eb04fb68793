"""Somebody holds an account's row, in psql or in a process that was stopped: that user waits, nobody else does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.settings import Settings
from auth.caller import Caller
from db.engine.limits import Limits
from tests.house import FORM, House, multipart
from tests.inspected import InspectedDatabase
from tests.servers import serving
from tests.wires import CREATE

CREATES = 30
LIMITS = Limits(lock=0.5)
REFUSED = {"DATABASE_LOCKED", "DATABASE_BUSY"}


@pytest.fixture
async def impatient(settings: Settings, house: House) -> AsyncIterator[House]:
    """An API with few connections and short waits on the same database."""
    url = house.database.server.url
    database = InspectedDatabase(url, pool_size=4, limits=LIMITS, wait_seconds=1.0)
    async with serving(settings, database) as base_url, House.opened(settings, database, base_url) as impatient:
        yield impatient
    await database.close()


@asynccontextmanager
async def held(house: House, user_id: UUID) -> AsyncIterator[None]:
    """Hold the account's row as `BEGIN; SELECT ... FOR UPDATE` in psql does."""
    async with house.database.raw_connection() as psql:
        await psql.execute("BEGIN")
        await psql.execute("SELECT 1 FROM users WHERE id = $1 FOR UPDATE", user_id)
        yield
        await psql.execute("ROLLBACK")


async def create_over_rest(house: House, caller: Caller) -> httpx.Response:
    return await house.http.post("/api/v1/video-jobs", files=multipart(FORM), headers=house.headers(caller))


async def create_over_graphql(house: House, caller: Caller) -> httpx.Response:
    body = {"query": CREATE, "variables": {"input": FORM | {"mockMode": True}}}
    return await house.http.post("/graphql", json=body, headers=house.headers(caller))


def code_of(answer: httpx.Response) -> str:
    body: dict[str, Any] = answer.json()
    code: str = body["code"] if "code" in body else body["errors"][0]["extensions"]["code"]
    return code


async def others_answers(house: House, caller: Caller, job_id: str, tag: str) -> list[int]:
    """Read, poll and ask for health, again and again."""
    read, polling = house.headers(caller), house.headers(caller) | {"If-None-Match": tag}
    path, statuses = f"/api/v1/video-jobs/{job_id}", []
    for _ in range(20):
        answers = await asyncio.gather(
            house.http.get(path, headers=read),
            house.http.get(path, headers=polling),
            house.http.get("/api/v1/looks", headers=read),
            house.http.post("/graphql", json={"query": "{ viewer { tokens { balance } } }"}, headers=read),
            house.http.get("/healthz"),
        )
        statuses += [answer.status_code for answer in answers]
    return statuses


@pytest.mark.parametrize("create", [create_over_rest, create_over_graphql])
async def test_that_users_creations_wait_and_nobody_elses_reads(impatient: House, create: Any) -> None:
    caller, other = await impatient.user(tokens=1000), await impatient.user()
    job_id = await impatient.create(other)
    first = await impatient.http.get(f"/api/v1/video-jobs/{job_id}", headers=impatient.headers(other))
    assert (await create_over_rest(impatient, caller)).status_code == 202
    before = await impatient.traces(caller)

    async with held(impatient, caller.user_id):
        creations = [asyncio.create_task(create(impatient, caller)) for _ in range(CREATES)]
        statuses = await others_answers(impatient, other, job_id, first.headers["ETag"])
        answers = await asyncio.gather(*creations)

    assert statuses == [200, 304, 200, 200, 200] * 20
    assert {code_of(answer) for answer in answers} <= REFUSED
    assert "DATABASE_LOCKED" in {code_of(answer) for answer in answers}
    if create is create_over_rest:
        assert {(answer.status_code, answer.headers["Retry-After"]) for answer in answers} == {(503, "1")}
    assert await impatient.traces(caller) == before
    assert (await create(impatient, caller)).status_code in {200, 202}


async def test_health_has_a_connection_of_its_own(impatient: House) -> None:
    """Every other one is in use, and somebody waits for each."""
    database, enough = impatient.database, asyncio.Event()

    async def use() -> None:
        async with database.transaction():
            await enough.wait()

    users = [asyncio.create_task(use()) for _ in range(2)]
    slots = [await database.reader._taken() for _ in range(2)]  # noqa: SLF001 - as reads that do not end
    try:
        busy = await impatient.http.get("/api/v1/looks", headers=impatient.headers(impatient.unknown_caller()))
        health = [await impatient.http.get("/healthz") for _ in range(3)]
    finally:
        enough.set()
        for slot in slots:
            database.reader._give_back(slot)  # noqa: SLF001 - as above
        await asyncio.gather(*users)

    assert (busy.status_code, busy.json()["code"]) == (503, "DATABASE_BUSY")
    assert [answer.json() for answer in health] == [{"status": "ok"}] * 3
