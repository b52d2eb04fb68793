"""Streams of every kind over a WebSocket: where they begin, when they end, who shares them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from app.settings import Settings
from auth.caller import Caller
from db.engine.database import Database
from db.engine.pool import Pool
from db.engine.statements import Row, Statement
from db.enums import VideoJobStatus
from db.video_jobs import VideoJobRow
from tests.house import House, eventually
from tests.servers import serving

JOB = "subscription ($id: ID!, $after: Int! = 0) { videoJob(id: $id, afterVersion: $after) { version status } }"
JOBS = "subscription { videoJobs { id version status } }"
LOGS = "subscription ($id: ID!, $after: String) { videoJobLogs(id: $id, after: $after) { cursor message } }"

END_LISTENING = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"


class Socket:
    """A graphql-transport-ws connection, message by message."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    @classmethod
    @asynccontextmanager
    async def opened(cls, base_url: str, headers: dict[str, str]) -> AsyncIterator["Socket"]:
        url = f"{base_url.replace('http', 'ws', 1)}/graphql"
        subprotocol = websockets.Subprotocol("graphql-transport-ws")
        async with websockets.connect(url, subprotocols=[subprotocol]) as connection:
            socket = cls(connection)
            await socket.send(type="connection_init", payload=headers)
            assert await socket.receive() == {"type": "connection_ack"}
            yield socket

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(self.connection.recv(), 30))
        return message

    async def subscribe(self, query: str, id_: str = "1", **variables: Any) -> None:
        await self.send(type="subscribe", id=id_, payload={"query": query, "variables": variables})

    async def data(self) -> Any:
        message = await self.receive()
        assert message["type"] == "next", message
        (value,) = message["payload"]["data"].values()
        return value

    async def all_data(self) -> list[Any]:
        """Receive until the operation completes."""
        values = []
        while (message := await self.receive())["type"] != "complete":
            (value,) = message["payload"]["data"].values()
            values.append(value)
        return values


@asynccontextmanager
async def opened(house: House, caller: Caller, **lifetime: timedelta) -> AsyncIterator[Socket]:
    async with Socket.opened(house.base_url, house.headers(caller, **lifetime)) as socket:
        yield socket


async def test_who_comes_back_misses_nothing_and_gets_nothing_twice(house: House, working: None) -> None:  # noqa: ARG001 - runs a worker
    caller = await house.user()
    job_id = await house.create(caller)
    async with opened(house, caller) as whole, opened(house, caller) as first:
        await whole.subscribe(JOB, id=job_id)
        await first.subscribe(JOB, id=job_id)
        seen = [await first.data(), await first.data()]
    async with opened(house, caller) as second:
        await second.subscribe(JOB, id=job_id, after=seen[-1]["version"])
        seen += await second.all_data()

    versions = [job["version"] for job in seen]
    assert versions == sorted(set(versions))
    assert seen[-1]["status"] == "SUCCEEDED"
    assert versions[-1] == (await house.job(job_id)).version


async def test_who_has_seen_the_end_is_told_that_there_is_no_more(house: House, working: None) -> None:  # noqa: ARG001 - runs a worker
    caller = await house.user()
    job_id = await house.create(caller)
    version = (await house.finished(job_id)).version

    async with opened(house, caller) as socket:
        await socket.subscribe(JOB, id=job_id, after=version)
        nothing = await socket.all_data()
        await socket.subscribe(JOB, id=job_id, after=version + 1000)
        from_another_world = await socket.all_data()

    assert nothing == []
    assert from_another_world == [{"version": version, "status": "SUCCEEDED"}]


async def test_all_jobs_are_followed_those_in_progress_first_and_new_ones_as_they_come(house: House) -> None:
    caller, other = await house.user(tokens=1000), await house.user()
    ended, active = await house.create(caller), await house.create(caller)
    await house.http.post(f"/api/v1/video-jobs/{ended}/cancel", headers=house.headers(caller))
    await house.create(other)

    async with opened(house, caller) as socket:
        await socket.subscribe(JOBS)
        snapshot = await socket.data()
        new = await house.create(caller)
        created = await socket.data()
        await house.http.post(f"/api/v1/video-jobs/{active}/cancel", headers=house.headers(caller))
        cancelled = await socket.data()

    assert snapshot == {"id": active, "version": 1, "status": "PENDING"}
    assert created == {"id": new, "version": 1, "status": "PENDING"}
    assert cancelled == {"id": active, "version": 2, "status": "CANCELLED"}


async def test_the_log_is_followed_line_by_line_and_gone_on_with_by_cursor(house: House, working: None) -> None:  # noqa: ARG001 - runs a worker
    caller = await house.user()
    job_id = await house.create(caller)
    async with opened(house, caller) as socket:
        await socket.subscribe(LOGS, id=job_id)
        lines = await socket.all_data()
        await socket.subscribe(LOGS, id=job_id, after=lines[2]["cursor"])
        rest = await socket.all_data()
        await socket.subscribe(LOGS, id=job_id, after="rubbish")
        refused = await socket.receive()

    over_rest = (await house.http.get(f"/api/v1/video-jobs/{job_id}", headers=house.headers(caller))).json()["logs"]
    assert [line["message"] for line in lines] == [line["message"] for line in over_rest]
    assert rest == lines[3:]
    assert refused["payload"]["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


async def test_a_deleted_job_ends_its_streams_with_an_error(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    async with opened(house, caller) as socket:
        await socket.subscribe(JOB, id=job_id)
        await socket.data()
        await house.http.delete(f"/api/v1/video-jobs/{job_id}", headers=house.headers(caller))
        messages = [await socket.receive()]
        while messages[-1]["type"] != "complete":
            messages.append(await socket.receive())

    errors = [message["payload"].get("errors") for message in messages if message["type"] == "next"]
    assert errors[-1][0]["extensions"]["code"] == "VIDEO_JOB_NOT_FOUND"


async def test_the_connection_is_closed_as_unauthorized_when_the_token_expires(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    async with opened(house, caller, lifetime=timedelta(seconds=2)) as socket:
        await socket.subscribe(JOB, id=job_id)
        await socket.data()
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await socket.receive()

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4401, "Token expired")


@pytest.mark.parametrize("query", [JOB, LOGS])
async def test_a_user_may_hold_so_many_streams_and_a_closed_one_is_free_again(
    house: House, settings: Settings, database: Database, query: str
) -> None:
    caller, other = await house.user(tokens=1000), await house.user()
    job_id = await house.create(caller)
    narrow = settings.model_copy(update={"streams_per_user": 2})
    async with serving(narrow, database) as url, Socket.opened(url, house.headers(caller)) as socket:
        for number in ("1", "2"):
            await socket.subscribe(query, number, id=job_id)
            await socket.data()
        await socket.subscribe(query, "3", id=job_id)
        refused = await socket.receive()
        async with Socket.opened(url, house.headers(other)) as others:
            await others.subscribe(JOB, id=await house.create(other))
            assert (await others.data())["version"] == 1
        await socket.send(type="complete", id="1")

        attempts = map(str, count(4))

        async def freed() -> dict[str, Any]:
            await socket.subscribe(query, attempt := next(attempts), id=job_id)
            while (message := await socket.receive())["id"] != attempt:
                pass
            return message

        again = await eventually(freed, lambda message: "TOO_MANY_STREAMS" not in json.dumps(message))

    assert "TOO_MANY_STREAMS" in json.dumps(refused)
    assert again["type"] == "next"


async def test_the_same_subscription_of_the_same_user_is_executed_once(
    house: House, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, other = await house.user(tokens=1000), await house.user()
    job_id = await house.create(caller)
    reads: list[type[Row]] = []
    rows_of = Pool.rows_of

    async def counted(self: Pool, statement: Statement[Any], id_: UUID) -> list[Any]:
        reads.append(statement.row)
        return await rows_of(self, statement, id_)

    monkeypatch.setattr(Pool, "rows_of", counted)
    mine, others = house.headers(caller), house.headers(other)
    async with (
        serving(settings, database) as url,
        Socket.opened(url, mine) as one,
        Socket.opened(url, mine) as two,
        Socket.opened(url, others) as three,
    ):
        await one.subscribe(JOB, id=job_id)
        told = [await one.data()]
        first_reads = reads.count(VideoJobRow)
        await two.subscribe(JOB, id=job_id)
        told.append(await two.data())
        both_read = reads.count(VideoJobRow)
        await three.subscribe(JOB, id=job_id)
        refused = await three.receive()
        await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))
        ends = [await one.all_data(), await two.all_data()]

    assert told == [{"version": 1, "status": "PENDING"}] * 2
    assert 0 < first_reads == both_read
    assert refused["payload"]["errors"][0]["extensions"]["code"] == "VIDEO_JOB_NOT_FOUND"
    assert ends == [[{"version": 2, "status": VideoJobStatus.CANCELLED}]] * 2


async def test_a_subscriber_who_leaves_does_not_end_what_others_follow(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    async with opened(house, caller) as stays:
        async with opened(house, caller) as leaves:
            await leaves.subscribe(JOB, id=job_id)
            await leaves.data()
            await stays.subscribe(JOB, id=job_id)
            await stays.data()
        await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))
        end = await stays.all_data()

    assert end == [{"version": 2, "status": "CANCELLED"}]


async def test_a_fault_in_a_shared_execution_is_no_end_of_what_is_followed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = await house.user()
    job_id = await house.create(caller)

    def fault(_result: object) -> str:
        raise KeyError("a fault of ours")

    async with opened(house, caller) as one, opened(house, caller) as two:
        for socket in (one, two):
            await socket.subscribe(JOB, id=job_id)
            await socket.data()
        monkeypatch.setattr("graphql_server.websocket._encoded", fault)
        await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))
        told = [await one.receive(), await two.receive()]
        monkeypatch.undo()
        await one.subscribe(JOB, id=job_id)
        end = await one.all_data()

    assert [(message["type"], message["payload"][0]["extensions"]["code"]) for message in told] == [
        ("error", "INTERNAL_ERROR")
    ] * 2
    assert end == [{"version": 2, "status": "CANCELLED"}]


async def test_a_lost_listening_connection_costs_time_and_no_event(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    async with opened(house, caller) as socket:
        await socket.subscribe(JOB, id=job_id)
        await socket.data()
        async with house.database.raw_connection() as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
            )
        await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))
        end = await socket.all_data()

    assert end == [{"version": 2, "status": "CANCELLED"}]
