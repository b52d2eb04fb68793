"""Large bodies wait for each other unread, so that memory has a bound, and others go on."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.http import large_bodies
from app.settings import Settings
from tests.app.processes import Server, api_process
from tests.app.test_http_protocol import connected
from tests.app.test_websocket_bounds import grown
from tests.house import House
from tests.inspected import InspectedDatabase
from tests.servers import serving

MEGABYTE = 1024 * 1024
LARGE = b'{"query": "{ __typename }", "extensions": {"x": "%s"}}' % (b"x" * 26 * MEGABYTE)
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def server(
    settings: Settings, database: InspectedDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    async with api_process(settings, database, tmp_path_factory.mktemp("data")) as running:
        yield running


async def test_many_large_bodies_at_once_take_bounded_memory(server: Server, record_property: Any) -> None:
    house, process = server
    callers = [await house.user() for _ in range(16)]
    waits: list[float] = []

    async def poll() -> None:
        begun = time.perf_counter()
        assert (await house.graphql(None, "{ __typename }"))["data"]
        waits.append(time.perf_counter() - begun)

    async def upload() -> list[int]:
        tasks = [
            asyncio.ensure_future(house.http.post("/graphql", content=LARGE, headers=house.headers(caller) | JSON))
            for caller in callers
        ]
        while not all(task.done() for task in tasks):
            await poll()
        return [task.result().status_code for task in tasks]

    statuses: list[int] = []

    async def uploads() -> None:
        statuses.extend(await upload())

    growth = await grown(process, uploads)

    record_property("growth and slowest wait", (growth // MEGABYTE, max(waits)))
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= 2
    assert growth < 210 * MEGABYTE


async def test_what_waits_too_long_is_refused_and_one_user_has_half(
    house: House, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_bodies, "WAIT_SECONDS", 0.2)
    few = settings.model_copy(update={"large_bodies_megabytes": 8})
    body = json.dumps({"query": "{ __typename }", "extensions": {"x": "x" * 3 * MEGABYTE}}).encode()
    greedy, other = await house.user(), await house.user()
    async with (
        serving(few, house.database) as url,
        House.opened(few, house.database, url) as own,
        connected(own) as (_, writer),
    ):
        head = f"POST /graphql HTTP/1.1\r\nHost: house\r\nContent-Length: {len(body)}\r\n"
        head += "Content-Type: application/json\r\n"
        writer.write((head + f"Authorization: {house.headers(greedy)['Authorization']}\r\n\r\n").encode() + body[:1000])
        await asyncio.sleep(0.1)
        traces = await house.traces(greedy)

        refused = await own.http.post("/graphql", content=body, headers=house.headers(greedy) | JSON)
        served = await own.http.post("/graphql", content=body, headers=house.headers(other) | JSON)
        small = await own.graphql(greedy, "{ __typename }")
        writer.write(body[1000:])
        later = await own.http.post("/graphql", content=body, headers=house.headers(greedy) | JSON)

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    assert refused.json()["errors"][0]["extensions"]["code"] == "TOO_MANY_UPLOADS"
    assert (served.status_code, later.status_code) == (200, 200)
    assert small["data"] == {"__typename": "Query"}
    assert await house.traces(greedy) == traces


async def test_a_slow_body_does_not_hold_its_place(
    house: House, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_bodies, "READ_SECONDS", 0.3)
    caller = await house.user()

    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"query": "'
        for _ in range(40):
            yield b"x" * 100_000
            await asyncio.sleep(0.05)

    headers = house.headers(caller) | JSON
    async with serving(settings, house.database) as url, House.opened(settings, house.database, url) as own:
        answers = [
            await own.http.post("/graphql", content=pieces(), headers=headers | length)
            for length in ({"Content-Length": "4000011"}, {"X-Chunked": "yes"})
        ]

    assert [answer.status_code for answer in answers] == [408, 408]
