"""SIGTERM to `lookreel serve` with all kinds of requests in progress: how each of them ends."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from app.http.server import DRAIN_SECONDS
from app.wiring import open_database
from auth.caller import Caller
from tests.app.processes import Running, running
from tests.db.test_read_pool import WHO
from tests.house import House, eventually
from tests.rest_compat.test_conditional_reads import tag_of
from tests.schema.test_streams import JOB, Socket

API_PROCESSES = 2
ORIGIN = "https://working.example"
EVENTS = {"Accept": "text/event-stream"}
EACH = 10
# What ends at once ends long before what is cut off.
AT_ONCE = DRAIN_SECONDS / 2
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: house\r\n\r\n"


@asynccontextmanager
async def served(house: House, tmp_path: Path) -> AsyncIterator[tuple[Running, House]]:
    settings = house.settings
    environment = {
        "DATABASE_URL": settings.database_url,
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "DATA_DIR": settings.data_dir,
        "PORT": 0,
        "MOCK_SECONDS": 600,
        "CORS_ORIGINS": ORIGIN,
    }
    with running("serve", "--workers", str(API_PROCESSES), log=tmp_path / "serve.log", **environment) as server:
        await eventually(lambda: all_started(server), bool)
        async with House.opened(settings, house.database, await server.address()) as served_house:
            yield server, served_house


async def all_started(server: Running) -> bool:
    log = server.log
    return log.count("Started server process") == API_PROCESSES and "Waiting for video jobs" in log


class Client:
    """One caller with a job that goes on, and ways to wait for it. `ready` counts those that wait."""

    def __init__(self, house: House, caller: Caller, job_id: str, tag: str) -> None:
        self.house = house
        self.path = f"/api/v1/video-jobs/{job_id}"
        self.job_id = job_id
        self.tag = tag
        self.headers = house.headers(caller) | {"Origin": ORIGIN}
        self.ready = 0
        self.ended: list[tuple[str, float, Any]] = []

    @classmethod
    async def with_a_job(cls, house: House) -> "Client":
        caller = await house.user()
        job_id = await house.create(caller)
        await eventually(lambda: house.job(job_id), lambda job: job.progress_percentage > 0 or job.status == "RUNNING")
        return cls(house, caller, job_id, await tag_of(house, caller, job_id))

    async def rest_events(self) -> str:
        async with self.house.http.stream("GET", f"{self.path}/events", headers=self.headers) as answer:
            return await self._last_event(answer)

    async def graphql_events(self) -> str:
        body = {"query": JOB, "variables": {"id": self.job_id}}
        async with self.house.http.stream("POST", "/graphql", json=body, headers=self.headers | EVENTS) as answer:
            return await self._last_event(answer)

    async def websocket(self) -> tuple[int, list[Any]]:
        async with Socket.opened(self.house.base_url, self.headers) as socket:
            await socket.subscribe(JOB, id=self.job_id)
            await socket.data()
            self.ready += 1
            messages = []
            try:
                while True:
                    messages.append(await socket.receive())
            except websockets.ConnectionClosed as closed:
                return (closed.rcvd.code if closed.rcvd else 0), messages

    async def long_poll(self) -> tuple[int, str | None, str | None]:
        self.ready += 1
        answer = await self.house.http.get(
            self.path, headers=self.headers | {"If-None-Match": self.tag, "Prefer": "wait=50"}
        )
        return answer.status_code, answer.headers.get("Access-Control-Allow-Origin"), answer.headers.get("Connection")

    async def upload(self) -> tuple[int, dict[str, str], str | None]:
        """Send a query whose last part comes a second after the others' end."""

        async def parts() -> AsyncIterator[bytes]:
            yield b'{"query": "{ __type'
            self.ready += 1
            await eventually(self.number_of_ended, lambda number: number >= 4 * EACH)
            await asyncio.sleep(1)
            yield b'name }"}'

        answer = await self.house.http.post(
            "/graphql", content=parts(), headers=self.headers | {"Content-Type": "application/json"}
        )
        return answer.status_code, answer.json()["data"], answer.headers.get("Connection")

    async def number_of_ended(self) -> int:
        return len(self.ended)

    async def number_of_ready(self) -> int:
        return self.ready

    async def noted(self, way: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        result = await way()
        self.ended.append((way.__name__, time.monotonic(), result))

    async def _last_event(self, answer: httpx.Response) -> str:
        """Read to the end, which raises where there is no last chunk; return the last event's name."""
        last = ""
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                last = line.removeprefix("event: ")
            if line.startswith("data: {") and '"status"' in line:
                self.ready += 1
        return last


async def refused(house: House) -> bool:
    try:
        _, writer = await asyncio.open_connection(house.http.base_url.host, house.http.base_url.port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_everything_in_progress_has_its_end(house: House, tmp_path: Path, number: signal.Signals) -> None:
    async with served(house, tmp_path) as (server, there):
        client = await Client.with_a_job(there)
        ways = [client.rest_events, client.graphql_events, client.websocket, client.long_poll] * EACH
        tasks = [asyncio.create_task(client.noted(way)) for way in (*ways, client.upload)]
        await eventually(client.number_of_ready, lambda ready: ready == len(tasks))
        # The polls may be on their way still.
        await there.http.get("/healthz")
        idle, writer = await asyncio.open_connection(there.http.base_url.host, there.http.base_url.port)
        writer.write(HEALTH)
        await idle.readuntil(b"}")

        signalled_at = time.monotonic()
        server.process.send_signal(number)
        await eventually(lambda: refused(there), bool, AT_ONCE)
        refused_at = time.monotonic()
        async with asyncio.timeout(AT_ONCE):
            assert await idle.read() == b""
        writer.close()
        await asyncio.gather(*tasks)
        exit_code = await asyncio.to_thread(server.process.wait, 30)

    took = {way: at - signalled_at for way, at, _ in client.ended}
    last_but_one = sorted(took.values())[-2]
    results = {way: [result for each, _, result in client.ended if each == way] for way in took}
    assert refused_at - signalled_at < AT_ONCE
    assert last_but_one < AT_ONCE, took
    assert results == {
        "rest_events": ["status"] * EACH,
        "graphql_events": ["next"] * EACH,
        "websocket": [(1012, [])] * EACH,
        "long_poll": [(304, ORIGIN, "close")] * EACH,
        "upload": [(200, {"__typename": "Query"}, "close")],
    }
    assert exit_code == 0
    assert "Traceback" not in server.log
    assert server.log.count("ended with exit code 0") == 3


async def test_connections_that_wait_to_be_accepted_do_not_hang(house: House, tmp_path: Path) -> None:
    async def answer(house: House) -> str:
        try:
            reader, writer = await asyncio.open_connection(house.http.base_url.host, house.http.base_url.port)
            writer.write(HEALTH)
            status = (await reader.read())[:15].decode()
            writer.close()
        except ConnectionError as error:
            return type(error).__name__
        return status

    async with served(house, tmp_path) as (server, there):
        api = server.apis()
        for process in api:
            process.suspend()
        waiting = [asyncio.create_task(answer(there)) for _ in range(50)]
        await asyncio.wait(waiting, timeout=0.3)
        server.process.send_signal(signal.SIGTERM)
        await asyncio.wait(waiting, timeout=0.3)
        for process in api:
            process.resume()
        async with asyncio.timeout(AT_ONCE):
            answers = await asyncio.gather(*waiting)
        assert await asyncio.to_thread(server.process.wait, 30) == 0

    assert answers == ["HTTP/1.1 200 OK"] * 50
    assert "Traceback" not in server.log


async def test_a_worker_alone_outlives_sighup(house: House, environment: dict[str, object], tmp_path: Path) -> None:
    environment["MOCK_SECONDS"] = 0.5
    with running("worker", log=tmp_path / "worker.log", **environment) as worker:

        async def log() -> str:
            return worker.log

        await eventually(log, lambda log: "Waiting for video jobs" in log)
        worker.process.send_signal(signal.SIGHUP)
        await eventually(log, lambda log: "SIGHUP: ignored" in log)
        job = await house.finished(await house.create(await house.user()))
        assert worker.stop() == 0

    assert job.status == "SUCCEEDED"


async def test_a_database_that_does_not_answer_keeps_no_process_from_its_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.wiring.CLOSE_SECONDS", 0.2)
    async with asyncio.timeout(AT_ONCE):
        async with open_database(house.settings) as database:
            pid = (await database.reader.fetch(WHO))[0].pid
            os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGCONT)
