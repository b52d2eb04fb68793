"""Following a job by websocket: a snapshot, every version in order, the terminal state, the end."""

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest
from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportConnectionFailed, TransportQueryError
from gql.transport.websockets import WebsocketsTransport
from websockets.exceptions import ConnectionClosedError

from auth.caller import Caller, Role
from db.engine.errors import DatabaseUnavailable
from tests.house import House
from tests.schema.test_websocket_messages import connected, subscribe
from tests.workers import at_work

FOLLOW = """subscription ($id: ID!) { videoJob(id: $id) {
  version status progressPercentage cloudinaryUrl logs { message } } }"""


async def follow(house: House, job_id: str, **init: Any) -> AsyncIterator[dict[str, Any]]:
    transport = WebsocketsTransport(
        url=f"{house.base_url.replace('http', 'ws', 1)}/graphql",
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        **init,
    )
    async with Client(transport=transport) as session:
        async for answer in session.subscribe(GraphQLRequest(FOLLOW, variable_values={"id": job_id})):
            yield answer["videoJob"]


def unique(values: Iterable[Any]) -> list[Any]:
    """Leave out what is the same as what came before."""
    return [value for value, _ in groupby(values)]


def by_payload(house: House, caller: Caller) -> dict[str, Any]:
    return {"init_payload": house.headers(caller)}


def by_header(house: House, caller: Caller) -> dict[str, Any]:
    return {"headers": house.headers(caller)}


@pytest.mark.slow
@pytest.mark.parametrize("credentials", [by_payload, by_header])
async def test_a_follower_sees_every_version_from_waiting_to_stored(house: House, credentials: Any) -> None:
    caller = await house.user()
    job_id = await house.create(caller)

    # What changes within 100 ms of another change may be told together with it (decision 56): 500 ms a step.
    async with at_work(house.settings.model_copy(update={"mock_seconds": 2.5}), house.database):
        seen = [job async for job in follow(house, job_id, **credentials(house, caller))]

    versions = [job["version"] for job in seen]
    assert versions == sorted(set(versions))
    assert unique(job["progressPercentage"] for job in seen) == [0, 20, 40, 60, 80, 100]
    assert unique(job["status"] for job in seen) == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert seen[-1]["status"] == "SUCCEEDED"
    assert seen[-1]["cloudinaryUrl"] == f"{house.base_url}/media/{job_id}.mp4"
    assert [job["cloudinaryUrl"] for job in seen[:-1]] == [None] * (len(seen) - 1)
    assert seen[-1]["logs"][-1] == {"message": "Video stored"}


async def test_following_an_ended_job_gives_its_end_at_once(house: House, working: None) -> None:  # noqa: ARG001 - runs a worker
    caller = await house.user()
    job_id = await house.create(caller)
    await house.finished(job_id)

    seen = [job["status"] async for job in follow(house, job_id, **by_payload(house, caller))]

    assert seen == ["SUCCEEDED"]


@pytest.mark.parametrize("job_id", ["no-uuid", "00000000-0000-7000-8000-000000000000"])
async def test_an_unknown_job_cannot_be_followed(house: House, job_id: str) -> None:
    with pytest.raises(TransportQueryError) as refusal:
        async for _ in follow(house, job_id, **by_payload(house, await house.user())):
            pass

    assert refusal.value.errors is not None
    assert refusal.value.errors[0]["extensions"] == {"code": "VIDEO_JOB_NOT_FOUND"}


@pytest.mark.parametrize("init", [{}, {"init_payload": {"Authorization": "Bearer rubbish"}}])
async def test_a_socket_without_a_good_token_is_closed_as_forbidden(house: House, init: dict[str, Any]) -> None:
    with pytest.raises(TransportConnectionFailed) as closed:
        async for _ in follow(house, "any", **init):
            pass

    cause = closed.value.__cause__
    assert isinstance(cause, ConnectionClosedError)
    assert cause.rcvd is not None
    assert cause.rcvd.code == 4403


async def test_a_socket_is_closed_for_now_while_there_is_no_database(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: Any) -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr("resolvers.authentication.get_or_create_account", lost)
    init = {"init_payload": house.headers(house.unknown_caller())}

    with pytest.raises(TransportConnectionFailed) as closed:
        async for _ in follow(house, "any", **init):
            pass

    cause = closed.value.__cause__
    assert isinstance(cause, ConnectionClosedError)
    assert cause.rcvd is not None
    assert (cause.rcvd.code, cause.rcvd.reason) == (1013, "DATABASE_UNAVAILABLE")


async def test_each_token_of_a_user_shows_what_its_own_rights_allow(house: House) -> None:
    job_id, admin = await house.create(await house.user()), await house.user(role=Role.ADMIN)
    connections = [await connected(house, caller) for caller in (admin, replace(admin, role=Role.USER))]
    answers = []

    for connection in connections:
        await connection.send(json.dumps(subscribe(query=FOLLOW, variables={"id": job_id})))
        answers.append(json.loads(await connection.recv()))
    for connection in connections:
        await connection.close()

    assert answers[0]["payload"]["data"]["videoJob"]["status"] == "PENDING"
    assert answers[1]["payload"]["data"] is None
    assert [error["extensions"] for error in answers[1]["payload"]["errors"]] == [{"code": "VIDEO_JOB_NOT_FOUND"}]


async def test_each_connection_is_shown_files_below_the_address_that_it_came_by(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller, lookId=(await house.look(caller)).id)
    shown = "subscription ($id: ID!) { videoJob(id: $id) { associatedLooks { generatedImageUrl } } }"
    other = house.base_url.replace("127.0.0.1", "localhost")
    urls = []

    async with House.opened(house.settings, house.database, other) as elsewhere:
        connections = [await connected(at, caller) for at in (house, elsewhere)]
        for connection in connections:
            await connection.send(json.dumps(subscribe(query=shown, variables={"id": job_id})))
            job = json.loads(await connection.recv())["payload"]["data"]["videoJob"]
            urls.append(job["associatedLooks"][0]["generatedImageUrl"])
        for connection in connections:
            await connection.close()

    assert urls[0].startswith(house.base_url)
    assert urls[1] == urls[0].replace(house.base_url, other)
