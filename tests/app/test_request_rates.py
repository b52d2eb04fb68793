"""How many requests a minute are answered, by user and by address: headers everywhere, 429 beyond, nothing done."""

import asyncio
import json
import time

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from db.tables import User
from resolvers import authentication
from resolvers.authentication import Rate
from tests.house import FORM, House, multipart
from tests.policies import under_policy

LOOKS, JOBS = "/api/v1/looks", "/api/v1/video-jobs"
VIEWER = {"query": "{ viewer { id } }"}
FEW = "[quotas]\nrequests_a_minute = 4\naddress_requests_a_minute = 9"


PROTOCOLS = [Subprotocol("graphql-transport-ws")]


def websocket_url(house: House) -> str:
    return house.base_url.replace("http", "ws") + "/graphql"


def told(answer: httpx.Response) -> tuple[int, str, str | None]:
    return answer.status_code, answer.headers["RateLimit"].partition(";t=")[0], answer.headers.get("Retry-After")


async def test_both_wires_count_one_users_requests_together_and_refuse_by_name(house: House) -> None:
    caller, other = await house.user(), await house.user()
    job_id = await house.create(caller)
    async with under_policy(house, FEW) as few:
        mine, others = few.headers(caller), few.headers(other)
        answers = [
            # Of another tag: whoever answers polls leaves it to the route.
            await few.http.get(f"{JOBS}/{job_id}", headers=mine | {"If-None-Match": '"1"'}),
            await few.http.post("/graphql", json=VIEWER, headers=mine),
            await few.http.get(f"{JOBS}/x", headers=mine | {"If-None-Match": '"1"'}),
            await few.http.get("/graphql", params=VIEWER, headers=mine),
        ]
        before = await house.traces(caller)
        rest = await few.http.post(JOBS, files=multipart(FORM), headers=mine)
        graphql = await few.http.post("/graphql", json=VIEWER, headers=mine)
        after = await house.traces(caller)
        free = await few.http.get(LOOKS, headers=others)
        async with connect(websocket_url(few), subprotocols=PROTOCOLS) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": mine}))
            greeting = json.loads(await socket.recv())["type"]

    assert [told(answer) for answer in answers] == [
        (200, '"user";r=3', "2"),  # when to look at the waiting job again
        (200, '"user";r=2', None),
        (404, '"user";r=1', None),
        (200, '"user";r=0', None),
    ]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"user";q=4;w=60, "address";q=9;w=60'}
    assert [told(answer) for answer in (rest, graphql, free)] == [
        (429, '"user";r=0', "15"),
        (429, '"user";r=0', "15"),
        (200, '"user";r=3', None),
    ]
    assert rest.json()["code"] == graphql.json()["errors"][0]["extensions"]["code"] == "TOO_MANY_REQUESTS"
    assert (after, greeting) == (before, "connection_ack")


async def test_an_address_is_refused_before_anybody_is_asked_who_they_are(house: House) -> None:
    known = await house.user()
    async with under_policy(house, FEW) as few:
        for _ in range(9):
            assert (await few.http.get(LOOKS)).status_code == 401
        unseen = few.unknown_caller()
        answers = [
            await few.http.get(LOOKS, headers=few.headers(unseen)),
            await few.http.post("/graphql", json=VIEWER, headers=few.headers(known)),
            await few.http.post("/graphql", content=b"x" * 100_000),
        ]
        with pytest.raises(InvalidStatus) as closed:
            await connect(websocket_url(few), subprotocols=PROTOCOLS)
        others = [(await few.http.get(path)).status_code for path in ("/healthz", "/docs", "/media/x.mp4")]

    assert [told(answer)[0] for answer in answers] == [429] * 3
    assert all(1 <= int(answer.headers["Retry-After"]) <= 7 for answer in answers)
    assert closed.value.response.status_code == 429
    assert others == [200, 200, 404]
    assert await house.count(User.id == unseen.user_id, table=User) == 0


async def test_messages_of_a_websocket_wait_instead(house: House) -> None:
    """So many may come at once, then one every half a second: what comes faster waits, and nothing is lost."""
    caller = await house.user()
    paced = under_policy(house, "[quotas]\nrequests_a_minute = 120")
    async with paced as few, connect(websocket_url(few), subprotocols=PROTOCOLS) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": few.headers(caller)}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        began = time.monotonic()
        for _ in range(123):
            await socket.send('{"type": "ping"}')
        answers = [json.loads(await asyncio.wait_for(socket.recv(), 10))["type"] for _ in range(123)]
        seconds = time.monotonic() - began
        over_http = await few.http.post("/graphql", json=VIEWER, headers=few.headers(caller))

    assert answers == ["pong"] * 123
    assert seconds > 1.4
    assert over_http.status_code == 429


async def test_everything_can_be_switched_off(house: House) -> None:
    off = "[quotas]\nrequests_a_minute = 0\naddress_requests_a_minute = 0\nlooks = 0\nstored_megabytes = 0"
    async with under_policy(house, off) as unlimited:
        answer = await unlimited.http.get(LOOKS, headers=unlimited.headers(await house.user()))

    assert (answer.status_code, "RateLimit" in answer.headers) == (200, False)


def test_a_bucket_is_full_again_after_a_minute_and_refills_evenly() -> None:
    rate = Rate("user", 6)

    def take(now: float) -> tuple[str, float]:
        taken = rate.take("a", now)
        return rate.state(taken.seconds), round(taken.wait, 3)

    at_once = [take(100.0) for _ in range(8)]
    later = [take(100.0 + seconds) for seconds in (10.0, 10.0, 70.0)]

    assert at_once[:6] == [(f'"user";r={left};t={60 - left * 10}', 0.0) for left in (5, 4, 3, 2, 1, 0)]
    assert at_once[6:] == [('"user";r=0;t=60', 10.0)] * 2
    assert later == [('"user";r=0;t=60', 0.0), ('"user";r=0;t=60', 10.0), ('"user";r=5;t=10', 0.0)]


def test_who_has_used_much_is_remembered_among_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "MOST_KEYS", 20)
    rate = Rate("address", 60)
    for _ in range(60):
        rate.take("busy", 100.0)

    for number in range(20):
        rate.take(str(number), 101.0 + number)

    assert rate.state(rate.take("busy", 120.0).seconds) == '"address";r=19;t=41'


def test_no_number_of_keys_takes_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "MOST_KEYS", 100)
    rate = Rate("address", 60)

    for number in range(10_000):
        rate.take(str(number), 100.0 + number / 1000)

    assert len(rate._full_at) <= 100  # noqa: SLF001 - nothing else shows what is kept
    assert rate.state(rate.take("9999", 110.0).seconds) == '"address";r=58;t=2'
