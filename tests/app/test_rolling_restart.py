"""`lookreel serve` replaces its processes under traffic: no request, no event of a stream and no job is lost."""

import asyncio
import json
import signal
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil

from auth.caller import Caller
from tests.app.processes import Running, running
from tests.house import House, eventually
from tests.test_following import LOST, Followers, State, healthy

REPLACED = "All processes are replaced"
EVERY_SECONDS = 0.1
CREATED_EVERY_SECONDS = 1.5


@dataclass
class Followed:
    """A job, and all that one event stream and one subscription over WebSocket have shown of it."""

    caller: Caller
    job_id: str
    states: list[State]
    logs: list[Any]
    connections: int = 0


async def events(house: House, job: Followed) -> None:
    """Follow the job by its event stream as browsers do: come back with the last id, until its end was shown."""
    last, ended = "", False
    while not ended:
        job.connections += 1
        headers = house.headers(job.caller) | ({"Last-Event-ID": last} if last else {})
        with suppress(*LOST):
            async with house.http.stream("GET", f"/api/v1/video-jobs/{job.job_id}/events", headers=headers) as answer:
                event: dict[str, str] = {}
                async for line in answer.aiter_lines():
                    field, _, value = line.partition(": ")
                    event |= {field: value}
                    if not line:
                        last = event.get("id", last)
                        data = json.loads(event.get("data", "{}"))
                        if event.get("event") == "log":
                            job.logs.append(data)
                        ended = ended or data.get("status") == "SUCCEEDED"
                        event = {}


class Traffic:
    """Requests at a steady rate, over connections that are kept and over new ones, and jobs that are made."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.jobs: list[Followed] = []
        self.answers: Counter[object] = Counter()
        self.stopping = asyncio.Event()

    async def jobs_at_a_rate(self) -> None:
        async with asyncio.TaskGroup() as following:
            while not self.stopping.is_set():
                caller = await self.house.user()
                job = Followed(caller, await self.house.create(caller), [], [])
                self.jobs.append(job)
                follower = Followers(self.house, caller, job.job_id)
                following.create_task(follower.seen_by(follower.websocket, job.states))
                following.create_task(events(self.house, job))
                await asyncio.sleep(CREATED_EVERY_SECONDS)

    async def requests_at_a_rate(self) -> None:
        headers = self.house.headers(await self.house.user())
        async with asyncio.TaskGroup() as asking:
            while not self.stopping.is_set():
                for connection in ({}, {"Connection": "close"}):
                    asking.create_task(self.ask(headers | connection))
                await asyncio.sleep(EVERY_SECONDS)

    async def ask(self, headers: dict[str, str]) -> None:
        try:
            answer = await self.house.http.get("/api/v1/video-jobs", headers=headers)
        except httpx.HTTPError as error:
            self.answers[repr(error)] += 1
        else:
            self.answers[answer.status_code] += 1


async def replace(server: Running, times: int) -> None:
    async def log() -> str:
        return server.log

    for number in range(1, times + 1):
        server.process.send_signal(signal.SIGHUP)
        await eventually(log, partial(_replaced, number))


def _replaced(times: int, log: str) -> bool:
    return log.count(REPLACED) == times


async def test_two_rolling_restarts_lose_nothing(house: House, environment: dict[str, object], tmp_path: Path) -> None:
    environment |= {"PORT": 0, "MOCK_SECONDS": 2}
    with running("serve", log=tmp_path / "serve.log", **environment) as server:
        base_url = await eventually(server.address, bool)
        async with House.opened(house.settings, house.database, base_url) as there:
            await eventually(lambda: healthy(there), bool)
            traffic = Traffic(there)
            children = psutil.Process(server.process.pid).children
            before = children()
            async with asyncio.timeout(90), asyncio.TaskGroup() as running_traffic:
                running_traffic.create_task(traffic.jobs_at_a_rate())
                running_traffic.create_task(traffic.requests_at_a_rate())
                await replace(server, times=2)
                traffic.stopping.set()
            after = children()
        assert server.stop() == 0

    assert (len(after), set(before) & set(after)) == (2, set())
    assert set(traffic.answers) == {200}, traffic.answers
    for job in traffic.jobs:
        row = await house.job(job.job_id)
        versions = [state["version"] for state in job.states]
        assert (row.status, job.states[-1]["status"]) == ("SUCCEEDED", "SUCCEEDED")
        assert (versions, versions[-1]) == (sorted(set(versions)), row.version)
        read = await house.http.get(f"/api/v1/video-jobs/{job.job_id}", headers=house.headers(job.caller))
        assert job.logs == read.json()["logs"]
        assert (await house.tokens(job.caller), await house.charges(job.caller)) == (50, 1)
    assert max(job.connections for job in traffic.jobs) > 1
    assert "Traceback" not in server.log
