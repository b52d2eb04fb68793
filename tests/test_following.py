"""One job, followed in five ways at once, by way of two API processes, while connections and processes are lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import websockets

from app.settings import Settings
from auth.caller import Caller
from tests.app.processes import Running, running
from tests.house import House, eventually
from tests.inspected import InspectedDatabase, inspected
from tests.schema.test_streams import END_LISTENING, Socket

KEY = "a key that only this test knows, long enough"
FIELDS = "version status progressPercentage"
SUBSCRIPTION = f"subscription ($id: ID!, $after: Int!) {{ videoJob(id: $id, afterVersion: $after) {{ {FIELDS} }} }}"
QUERY = f"query ($id: ID!) {{ videoJob(id: $id) {{ {FIELDS} }} }}"
ENDED = {"SUCCEEDED", "FAILED", "CANCELLED"}
LOST = (httpx.HTTPError, OSError, websockets.WebSocketException, TimeoutError)
REFUSED_SECONDS = 0.1

State = dict[str, Any]
Stream = Callable[[int], AsyncIterator[State]]


class Followers:
    """One caller's five ways to follow a job."""

    def __init__(self, house: House, caller: Caller, job_id: str) -> None:
        self.house, self.caller, self.job_id = house, caller, job_id
        self.path = f"/api/v1/video-jobs/{job_id}"

    async def websocket(self, after: int) -> AsyncIterator[State]:
        async with Socket.opened(self.house.base_url, self.house.headers(self.caller)) as socket:
            await socket.subscribe(SUBSCRIPTION, id=self.job_id, after=after)
            while (message := await socket.receive())["type"] != "complete":
                if message["type"] == "next":
                    yield shown(message["payload"])
                elif message["type"] == "error":
                    await refused(message)

    async def graphql_events(self, after: int) -> AsyncIterator[State]:
        body = {"query": SUBSCRIPTION, "variables": {"id": self.job_id, "after": after}}
        headers = self.house.headers(self.caller) | {"Accept": "text/event-stream"}
        async with self.house.http.stream("POST", "/graphql", json=body, headers=headers) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    yield shown(json.loads(line[6:]))

    async def rest_events(self, after: int) -> AsyncIterator[State]:
        headers = self.house.headers(self.caller) | ({"Last-Event-ID": f"{after}-0"} if after else {})
        async with self.house.http.stream("GET", f"{self.path}/events", headers=headers) as answer:
            if not answer.is_success:
                await refused(answer.status_code)
            event: dict[str, str] = {}
            async for line in answer.aiter_lines():
                field, _, value = line.partition(": ")
                event[field] = value
                if not line:
                    if event.get("event") in {"status", "progress"}:
                        told = json.loads(event["data"])
                        version = int(event["id"].partition("-")[0])
                        yield {"version": version} | {key: told[key] for key in ("status", "progressPercentage")}
                    event = {}

    async def long_poll(self, _after: int) -> AsyncIterator[State]:
        headers = self.house.headers(self.caller) | {"Prefer": "wait=5"}
        while True:
            answer = await self.house.http.get(self.path, headers=headers)
            if answer.status_code == 200:
                headers["If-None-Match"] = answer.headers["ETag"]
                told = answer.json()
                version = int(answer.headers["ETag"].removeprefix('W/"').partition("-")[0])
                yield {"version": version} | {key: told[key] for key in ("status", "progressPercentage")}
            elif answer.status_code != 304:
                await refused(answer.status_code)

    async def poll(self, _after: int) -> AsyncIterator[State]:
        while True:
            body = await self.house.graphql(self.caller, QUERY, id=self.job_id)
            yield body["data"]["videoJob"]
            await asyncio.sleep(0.05)

    async def seen_by(self, stream: Stream, states: list[State] | None = None) -> list[State]:
        """Follow to the end, coming back with the last version seen whenever the connection is lost."""
        seen = [] if states is None else states
        while not (seen and seen[-1]["status"] in ENDED):
            with suppress(*LOST):
                async for state in stream(seen[-1]["version"] if seen else 0):
                    if not seen or state != seen[-1]:
                        seen.append(state)
                    if state["status"] in ENDED:
                        break
        return seen


def shown(result: dict[str, Any]) -> State:
    """Return the job that a result shows; an error such as that of a lost database has the follower come back."""
    if result.get("errors"):
        raise ConnectionError(result["errors"])
    job: State = result["data"]["videoJob"]
    return job


async def refused(why: object) -> None:
    """Let the follower come back a little later."""
    await asyncio.sleep(REFUSED_SECONDS)
    raise ConnectionError(why)


async def at_progress(house: House, job_id: str, percentage: int) -> None:
    await eventually(lambda: house.job(job_id), lambda job: job.progress_percentage >= percentage)


async def disturb(house: House, job_id: str, server: Running) -> None:
    """Kill the listening connections three times, and one API process in between."""
    for percentage in (20, 40, 60):
        await at_progress(house, job_id, percentage)
        async with house.database.raw_connection() as connection:
            await connection.execute(END_LISTENING)
        if percentage == 40:
            server.apis()[0].kill()


async def test_all_followers_see_the_same_versions_whatever_is_lost(tmp_path: Path, data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir, jwt_secret_key=KEY)
    environment = {"DATA_DIR": data_dir, "JWT_SECRET_KEY": KEY, "PORT": 0, "MOCK_SECONDS": 8}
    with running("serve", "--workers", "2", log=tmp_path / "serve.log", **environment) as server:
        base_url = await eventually(server.address, bool)
        async with inspected(settings) as database, House.opened(settings, database, base_url) as house:
            await eventually(lambda: healthy(house), bool)
            states = await followed(house, database, server)

    versions: dict[int, State] = {}
    for seen in states.values():
        numbers = [state["version"] for state in seen]
        assert numbers == sorted(set(numbers))
        assert [versions.setdefault(state["version"], state) for state in seen] == seen
    ends = {name: seen[-1] for name, seen in states.items()}
    assert set(map(str, ends.values())) == {str(ends["poll"])}
    assert ends["poll"]["status"] == "SUCCEEDED"
    assert [state["progressPercentage"] for _, state in sorted(versions.items())][-1] == 100


async def followed(house: House, _database: InspectedDatabase, server: Running) -> dict[str, list[State]]:
    caller = await house.user()
    job_id = await house.create(caller)
    followers = Followers(house, caller, job_id)
    streams: list[Stream] = [
        followers.websocket,
        followers.graphql_events,
        followers.rest_events,
        followers.long_poll,
        followers.poll,
    ]
    following: list[Awaitable[list[State]]] = [followers.seen_by(stream) for stream in streams]
    disturbing = asyncio.create_task(disturb(house, job_id, server))
    seen = await asyncio.wait_for(asyncio.gather(*following), 90)
    await disturbing
    return dict(zip([stream.__name__ for stream in streams], seen, strict=True))


async def healthy(house: House) -> bool:
    with suppress(httpx.HTTPError):
        return (await house.http.get("/healthz")).is_success
    return False
