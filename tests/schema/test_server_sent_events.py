"""Results as Server-Sent Events, in the distinct connections mode of GraphQL over SSE."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from app.settings import Settings
from auth.caller import Caller
from db.engine.database import Database
from tests.house import House, eventually
from tests.schema.over_http import EVENTS, JSON, RESPONSE_JSON, URQL, ask, code, content_type, events
from tests.servers import serving

FOLLOW = "subscription ($id: ID!) { videoJob(id: $id) { version status } }"
SUBSCRIBE = {"query": FOLLOW, "variables": {"id": "any"}}
MUTATE = "mutation ($id: ID!) { cancelVideoJob(input: {id: $id}) { errors { __typename } } }"


@pytest.mark.parametrize(
    "accept", ["*/*", JSON, RESPONSE_JSON, f"multipart/mixed;boundary=graphql;subscriptionSpec=1.0,{JSON}"]
)
async def test_a_subscription_in_one_piece_is_told_how_to_ask(house: House, accept: str) -> None:
    answer = await ask(house, SUBSCRIBE, accept)

    assert (answer.status_code, code(answer)) == (406, "SUBSCRIPTION_NEEDS_STREAM")


@pytest.mark.parametrize("accept", [EVENTS, URQL, f"{EVENTS}, multipart/mixed"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_subscription_is_streamed_where_events_are_welcome(
    house: House,
    method: str,
    accept: str,
    working: None,  # noqa: ARG001 - runs a worker
) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    variables = {"id": job_id}
    asked: dict[str, Any] = (
        {"params": {"query": FOLLOW, "variables": json.dumps(variables)}}
        if method == "GET"
        else {"json": {"query": FOLLOW, "variables": variables}}
    )
    answer = await house.http.request(method, "/graphql", headers=house.headers(caller) | {"Accept": accept}, **asked)

    *told, end = events(answer.text)
    assert (answer.status_code, content_type(answer)) == (200, EVENTS)
    assert "no-cache" in answer.headers["Cache-Control"]
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert end == ("complete", None)
    assert {name for name, _ in told} == {"next"}
    jobs = [result["data"]["videoJob"] for _, result in told]
    assert [job["version"] for job in jobs] == sorted({job["version"] for job in jobs})
    assert jobs[-1]["status"] == "SUCCEEDED"


async def test_a_mutation_can_be_answered_by_events(house: House) -> None:
    caller = await house.user()
    variables = {"id": await house.create(caller)}
    answer = await ask(house, {"query": MUTATE, "variables": variables}, EVENTS, **house.headers(caller))

    (name, result), end = events(answer.text)
    assert (name, result["data"], end) == ("next", {"cancelVideoJob": {"errors": []}}, ("complete", None))


async def test_what_goes_wrong_in_a_stream_is_an_event(house: House) -> None:
    answer = await ask(house, SUBSCRIBE, EVENTS, **house.headers(await house.user()))

    (name, result), end = events(answer.text)
    assert (name, end) == ("next", ("complete", None))
    assert [error["extensions"]["code"] for error in result["errors"]] == ["VIDEO_JOB_NOT_FOUND"]


@asynccontextmanager
async def following(url: str, house: House, caller: Caller, job_id: str) -> AsyncIterator[AsyncIterator[str]]:
    body = {"query": FOLLOW, "variables": {"id": job_id}}
    headers = house.headers(caller) | {"Accept": EVENTS}
    async with house.http.stream("POST", f"{url}/graphql", json=body, headers=headers) as answer:
        yield answer.aiter_lines()


async def test_a_silent_stream_has_a_heartbeat(
    house: House, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphql_server.http_answers.HEARTBEAT_SECONDS", 0.05)
    caller = await house.user()
    job_id = await house.create(caller)
    async with serving(settings, database) as url, following(url, house, caller, job_id) as lines, asyncio.timeout(30):
        seen = [await anext(lines) for _ in range(6)]

    told = json.dumps({"data": {"videoJob": {"version": 1, "status": "PENDING"}}}, separators=(",", ":"))
    assert seen == ["event: next", f"data: {told}", "", ": ping", ": ping", ": ping"]


async def test_the_tokens_expiry_ends_the_stream_with_an_error(house: House) -> None:
    caller = await house.user()
    asked = {"query": FOLLOW, "variables": {"id": await house.create(caller)}}
    async with asyncio.timeout(30):
        answer = await ask(house, asked, EVENTS, **house.headers(caller, timedelta(seconds=2)))

    (_, first), (name, last), end = events(answer.text)
    assert first["data"] == {"videoJob": {"version": 1, "status": "PENDING"}}
    assert (name, end) == ("next", ("complete", None))
    assert [error["extensions"]["code"] for error in last["errors"]] == ["UNAUTHENTICATED"]


async def test_a_follower_who_leaves_is_let_go(
    house: House, settings: Settings, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    narrow = settings.model_copy(update={"streams_per_user": 1})
    async with serving(narrow, database) as url:

        async def first_event() -> str:
            async with following(url, house, caller, job_id) as lines, asyncio.timeout(30):
                await anext(lines)
                return await anext(lines)

        async with following(url, house, caller, job_id) as lines, asyncio.timeout(30):
            await anext(lines)
            refused = await first_event()
        again = await eventually(first_event, lambda line: "TOO_MANY_STREAMS" not in line)

    assert "TOO_MANY_STREAMS" in refused
    assert '"status":"PENDING"' in again
    assert caplog.text == ""
