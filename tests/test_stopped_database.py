"""PostgreSQL is stopped, or the network loses every packet: everybody is answered, and goes on afterwards."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from app.settings import Settings
from auth.caller import Caller
from db import migrations
from db.embedded.guardian import PGDATA, postmaster_lines
from db.embedded.server import embedded_server
from db.engine.limits import Limits
from tests.conftest import temporary_folder
from tests.doubles.postgres_proxy import PostgresProxy, proxied
from tests.house import FORM, House, eventually, multipart
from tests.inspected import InspectedDatabase
from tests.servers import serving
from tests.wires import CREATE
from tests.workers import at_work

# An answer takes longer only where something hangs: each limit below is a second.
AT_MOST_SECONDS = 30.0
LIMITS = Limits(connect=1.0, statement=1.0, lock=1.0)
NAMED = {"DATABASE_TIMED_OUT", "DATABASE_BUSY", "DATABASE_UNAVAILABLE"}


@dataclass(frozen=True)
class Stopped:
    """An API on a server of its own, that server's folder, and the network before it."""

    house: House
    pgdata: Path
    proxy: PostgresProxy

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all of the server's processes as SIGSTOP does, then let them go on."""
        postmaster = psutil.Process(int(postmaster_lines(self.pgdata)[0]))
        processes = [postmaster, *postmaster.children(recursive=True)]
        try:
            for process in processes:
                process.send_signal(signal.SIGSTOP)
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        self.proxy.cut_off()
        try:
            yield
        finally:
            self.proxy.join()


@pytest.fixture(scope="module")
async def stopped(settings: Settings) -> AsyncIterator[Stopped]:
    with temporary_folder() as folder, embedded_server(folder) as url:
        await migrations.upgrade(url)
        async with proxied(str(folder / PGDATA)) as proxy:
            database = InspectedDatabase(
                f"postgres://postgres@127.0.0.1:{proxy.port}/postgres", pool_size=4, limits=LIMITS, wait_seconds=1.0
            )
            async with serving(settings, database) as base_url, House.opened(settings, database, base_url) as house:
                yield Stopped(house, folder / PGDATA, proxy)
            await database.close()


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    async with asyncio.timeout(AT_MOST_SECONDS):
        yield


async def asked(house: House, caller: Caller, job_id: str) -> dict[str, httpx.Response]:
    """Ask for one of everything at once, as a caller whom the process knows; and as one whom it does not."""
    headers, unknown = house.headers(caller), house.headers(house.unknown_caller())
    path, query = f"/api/v1/video-jobs/{job_id}", {"query": f'{{ videoJob(id: "{job_id}") {{ id }} }}'}
    creation = {"query": CREATE, "variables": {"input": FORM | {"mockMode": True}}}
    http = house.http
    requests = {
        "read": http.get(path, headers=headers),
        "poll": http.get(path, headers=headers | {"If-None-Match": "x"}),
        "events": http.get(f"{path}/events", headers=headers),
        "list": http.get("/api/v1/looks", headers=headers),
        "create": http.post("/api/v1/video-jobs", files=multipart(FORM), headers=headers),
        "delete": http.delete(path, headers=headers),
        "info": http.get("/api/v1/subscription/info", headers=headers),
        "first": http.get(path, headers=unknown),
        "query": http.post("/graphql", json=query, headers=headers),
        "mutation": http.post("/graphql", json=creation, headers=headers),
        "first query": http.post("/graphql", json=query, headers=unknown),
    }
    return dict(zip(requests, await asyncio.gather(*requests.values()), strict=True))


def code_of(answer: httpx.Response) -> str:
    body: dict[str, Any] = answer.json()
    code: str = body["code"] if "code" in body else body["errors"][0]["extensions"]["code"]
    return code


@pytest.mark.parametrize("trouble", ["frozen", "cut_off"])
async def test_everybody_is_answered_and_goes_on_afterwards(stopped: Stopped, trouble: str) -> None:
    house = stopped.house
    caller = await house.user(tokens=1000)
    job_id = await house.create(caller)
    before = await house.traces(caller)

    with getattr(stopped, trouble)():
        async with in_time():
            health, answers = await asyncio.gather(house.http.get("/healthz"), asked(house, caller, job_id))
        async with in_time():
            again = [await house.http.get("/healthz") for _ in range(3)]

    assert {answer.status_code for answer in (health, *again)} == {503}
    assert {answer.json()["status"] for answer in (health, *again)} == {"unavailable"}
    assert {name: code_of(answer) for name, answer in answers.items() if code_of(answer) not in NAMED} == {}
    refused = {name: answer for name, answer in answers.items() if name not in {"query", "mutation"}}
    assert {answer.status_code for answer in refused.values()} == {503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused.values())

    await eventually(lambda: house.http.get("/healthz"), lambda answer: answer.status_code == 200)
    assert await house.traces(caller) == before
    read = await house.http.get(f"/api/v1/video-jobs/{job_id}", headers=house.headers(caller))
    assert (read.status_code, read.json()["status"]) == (200, "PENDING")
    assert (await house.http.get(f"/api/v1/video-jobs/{job_id}", headers=house.headers(caller))).status_code == 200
    await house.create(caller)


async def test_health_is_told_before_anybody_else_has_given_up(stopped: Stopped) -> None:
    house = stopped.house
    caller = await house.user()
    patient = InspectedDatabase(house.database.server.url, pool_size=4)
    async with serving(house.settings, patient) as base_url, House.opened(house.settings, patient, base_url) as other:
        job_id = await other.create(caller)
        with stopped.cut_off():
            reading = asyncio.create_task(other.http.get(f"/api/v1/video-jobs/{job_id}", headers=other.headers(caller)))
            health = await other.http.get("/healthz")
            assert not reading.done()
            assert (health.status_code, health.json()["code"] in NAMED) == (503, True)
        # What hung was not given up yet, and nothing was lost.
        assert (await reading).status_code == 200
    await patient.close()


async def test_the_rest_limit_ends_what_is_still_under_way(stopped: Stopped) -> None:
    house = stopped.house
    settings = house.settings.model_copy(update={"rest_timeout_seconds": 0.5})
    caller = await house.user()
    patient = InspectedDatabase(house.database.server.url, pool_size=4)
    async with serving(settings, patient) as base_url, House.opened(settings, patient, base_url) as other:
        job_id = await house.create(caller)  # which may take longer
        path, headers = f"/api/v1/video-jobs/{job_id}", other.headers(caller)
        requests = [
            ("GET", path, {}),
            ("GET", path, {"If-None-Match": "x"}),
            ("DELETE", path, {}),
            ("GET", f"{path}/events", {}),
            ("GET", "/api/v1/subscription/info", {}),
        ]
        with stopped.cut_off():
            async with in_time():
                answers = await asyncio.gather(
                    *(other.http.request(method, url, headers=headers | more) for method, url, more in requests)
                )
        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "REQUEST_TIMED_OUT")}
        assert {answer.headers["Retry-After"] for answer in answers} == {"1"}
        assert (await other.http.get(path, headers=headers)).status_code == 200
    await patient.close()


async def test_a_worker_goes_on_afterwards(stopped: Stopped) -> None:
    house = stopped.house
    caller = await house.user(tokens=1000)

    async with at_work(house.settings, house.database):
        assert (await house.finished(await house.create(caller))).status == "SUCCEEDED"
        job_id = await house.create(caller)
        with stopped.frozen():
            async with in_time():
                await house.http.get("/healthz")
                assert (await house.http.get("/api/v1/subscription/info", headers=house.headers(caller))).is_error
        job = await house.finished(job_id)

    assert (job.status, job.faults, await house.charges(caller)) == ("SUCCEEDED", 0, 2)
