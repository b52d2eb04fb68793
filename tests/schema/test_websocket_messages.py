"""Messages that are none of the protocol's: the connection is closed with a reason, or the operation is answered."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import websockets
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection

from auth.caller import Caller
from auth.tokens import sign
from tests.house import House, eventually

QUERY = "{ viewer { id } }"
FOLLOW = "subscription ($id: ID!) { videoJob(id: $id) { id } }"
NO_MESSAGE = "Failed to parse message"


async def connected(house: House, caller: Caller | None = None) -> ClientConnection:
    url = f"{house.base_url.replace('http', 'ws', 1)}/graphql"
    connection = await websockets.connect(url, subprotocols=[websockets.Subprotocol("graphql-transport-ws")])
    await connection.send(
        json.dumps({"type": "connection_init", "payload": house.headers(caller or await house.user())})
    )
    assert json.loads(await connection.recv()) == {"type": "connection_ack"}
    return connection


def subscribe(**payload: Any) -> dict[str, Any]:
    return {"type": "subscribe", "id": "1", "payload": payload}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ([], NO_MESSAGE),
        (5, NO_MESSAGE),
        ("x", NO_MESSAGE),
        (None, NO_MESSAGE),
        ([{}], NO_MESSAGE),
        ({}, NO_MESSAGE),
        ({"type": 5}, "Unknown message type: 5"),
        ({"type": "é" * 500}, ("Unknown message type: " + "é" * 500).encode()[:123].decode(errors="ignore")),
        ({"type": "subscribe"}, NO_MESSAGE),
        ({"type": "subscribe", "id": "1"}, NO_MESSAGE),
        ({"type": "subscribe", "payload": {"query": QUERY}}, NO_MESSAGE),
        ({"type": "subscribe", "id": [], "payload": {"query": QUERY}}, NO_MESSAGE),
        ({"type": "subscribe", "id": {}, "payload": {"query": QUERY}}, NO_MESSAGE),
        ({"type": "subscribe", "id": None, "payload": {"query": QUERY}}, NO_MESSAGE),
        ({"type": "complete"}, NO_MESSAGE),
        ({"type": "complete", "id": []}, NO_MESSAGE),
        ({"type": "complete", "id": True}, NO_MESSAGE),
        ({"type": "subscribe", "id": True, "payload": {"query": QUERY}}, NO_MESSAGE),
        ({"type": "subscribe", "id": 1.5, "payload": {"query": QUERY}}, NO_MESSAGE),
        ({"type": "ping", "id": []}, NO_MESSAGE),
    ],
)
async def test_what_is_no_message_closes_the_connection(
    house: House, caplog: pytest.LogCaptureFixture, message: Any, reason: str
) -> None:
    connection = await connected(house)
    caplog.set_level("INFO", logger="graphql_server")
    await connection.send(json.dumps(message))

    with pytest.raises(websockets.ConnectionClosedError) as closed:
        await connection.recv()

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4400, reason)
    assert caplog.messages == ["A WebSocket is closed with 4400"]


@pytest.mark.parametrize(
    "frame",
    ["[]", "5", "null", "{}", "{", "", b"{}", "[" * 9_000, '{"type":"subscribe","id":[]}', '{"type":{}}', "NaN"],
)
async def test_before_somebody_has_said_who_they_are_it_is_the_same(
    house: House, caplog: pytest.LogCaptureFixture, frame: str | bytes
) -> None:
    caplog.set_level("INFO", logger="graphql_server")
    assert (await closed_by(house, frame))[0] == 4400
    assert caplog.messages == ["A WebSocket is closed with 4400"]


@pytest.mark.parametrize(
    "payload",
    [None, {}, {"token": "T"}, {"authToken": "T"}, {"headers": {"Authorization": "Bearer T"}}, {"Authorization": ""}],
)
async def test_a_token_of_another_name_is_not_read_and_the_client_is_told_which_is(
    house: House, payload: dict[str, Any] | None
) -> None:
    code, reason = await closed_by(house, json.dumps({"type": "connection_init", "payload": payload}))

    assert code == 4403
    assert reason == 'Forbidden: connection_init has no token in {"payload": {"Authorization": "Bearer ..."}}'


@pytest.mark.parametrize(
    ("authorization", "code"),
    [("Bearer x", "UNAUTHENTICATED"), *[(odd, "NOT_A_BEARER_TOKEN") for odd in ("x", "Basic x", 5, ["x"], {"a": 1})]],
)
async def test_a_wrong_token_is_refused_by_its_code(house: House, authorization: object, code: str) -> None:
    message = {"type": "connection_init", "payload": {"authorization": authorization}}

    assert await closed_by(house, json.dumps(message)) == (4403, f"Forbidden: {code}")


async def test_so_is_one_that_has_expired(house: House) -> None:
    expired = sign(house.settings.token_policy(), Caller(uuid4(), None), timedelta(minutes=-5))
    message = {"type": "connection_init", "payload": {"Authorization": f"Bearer {expired}"}}

    assert await closed_by(house, json.dumps(message)) == (4403, "Forbidden: TOKEN_EXPIRED")


async def closed_by(house: House, frame: str | bytes) -> tuple[int, str]:
    """Send a first frame; return the code and the reason with which the server closes."""
    url = f"{house.base_url.replace('http', 'ws', 1)}/graphql"
    async with websockets.connect(url, subprotocols=[websockets.Subprotocol("graphql-transport-ws")]) as connection:
        await connection.send(frame)
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await connection.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (subscribe() | {"payload": None}, "BAD_REQUEST"),
        (subscribe() | {"payload": []}, "BAD_REQUEST"),
        (subscribe() | {"payload": "x"}, "BAD_REQUEST"),
        (subscribe(), "BAD_REQUEST"),
        (subscribe(query=5), "BAD_REQUEST"),
        (subscribe(query=None), "BAD_REQUEST"),
        (subscribe(query=[]), "BAD_REQUEST"),
        (subscribe(query=QUERY, variables=[]), "BAD_REQUEST"),
        (subscribe(query=QUERY, variables="x"), "BAD_REQUEST"),
        (subscribe(query=QUERY, operationName=5), "BAD_REQUEST"),
        (subscribe(query=QUERY, operationName="x"), "OPERATION_RESOLUTION_FAILURE"),
        (subscribe(query=QUERY, extensions=5), "BAD_REQUEST"),
        (subscribe(query=FOLLOW, variables=[1]), "BAD_REQUEST"),
        (subscribe(query=FOLLOW, operationName="x"), "OPERATION_RESOLUTION_FAILURE"),
        (subscribe(query=FOLLOW, variables={"id": [1]}), "INVALID_VARIABLES"),
        (subscribe(query=FOLLOW, variables={"id": {}}), "INVALID_VARIABLES"),
        (subscribe(query=FOLLOW), "INVALID_VARIABLES"),
        (subscribe(extensions={"persistedQuery": {"version": 1}}), "PERSISTED_QUERY_NOT_SUPPORTED"),
    ],
)
async def test_what_is_no_operation_is_answered_and_the_next_one_is_served(
    house: House, caplog: pytest.LogCaptureFixture, message: dict[str, Any], code: str
) -> None:
    connection = await connected(house)

    await connection.send(json.dumps(message))
    answer = json.loads(await connection.recv())
    await connection.send(json.dumps(subscribe(query=QUERY)))
    following = json.loads(await connection.recv())
    await connection.close()

    assert (answer["type"], answer["id"]) == ("error", "1")
    assert [error["extensions"]["code"] for error in answer["payload"]] == [code]
    assert following["type"] == "next"
    assert caplog.text == ""


@pytest.mark.parametrize("message", [{"type": "subscribe", "id": "1", "payload": 5}, subscribe(query=QUERY)])
async def test_who_has_not_said_who_they_are_is_told_nothing(house: House, message: dict[str, Any]) -> None:
    url = f"{house.base_url.replace('http', 'ws', 1)}/graphql"
    async with websockets.connect(url, subprotocols=[websockets.Subprotocol("graphql-transport-ws")]) as connection:
        await connection.send(json.dumps(message))
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await connection.recv()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_one_operation_too_many_is_refused_by_its_code_and_the_others_go_on(house: House) -> None:
    connection = await connected(house)
    for number in range(101):
        await connection.send(json.dumps(subscribe(query="subscription { videoJobs { id } }") | {"id": str(number)}))
    refused = json.loads(await connection.recv())
    await connection.send(json.dumps({"type": "complete", "id": "0"}))
    await connection.send(json.dumps(subscribe(query=QUERY) | {"id": "101"}))
    following = json.loads(await connection.recv())
    await connection.close()

    assert (refused["type"], refused["id"]) == ("error", "100")
    assert [error["extensions"]["code"] for error in refused["payload"]] == ["TOO_MANY_STREAMS"]
    assert (following["type"], following["id"]) == ("next", "101")


async def test_an_id_that_is_in_use_closes_the_connection_also_where_there_is_no_room(house: House) -> None:
    connection = await connected(house)
    for id_ in [*range(100), 0]:
        await connection.send(json.dumps(subscribe(query="subscription { videoJobs { id } }") | {"id": str(id_)}))

    with pytest.raises(websockets.ConnectionClosedError) as closed:
        await connection.recv()

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4409, "Subscriber for 0 already exists")


async def test_a_client_that_goes_away_while_it_is_told_something_is_not_logged(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = await house.user()
    connection = await connected(house, caller)
    sent: list[str] = []

    async def is_gone(_socket: WebSocket, text: str) -> None:
        sent.append(text)
        raise WebSocketDisconnect(1006)

    monkeypatch.setattr(WebSocket, "send_text", is_gone)
    await house.create(caller)
    await connection.send(json.dumps(subscribe(query="subscription { videoJobs { id } }")))
    await eventually(lambda: asyncio.sleep(0, len(sent)), bool)
    await connection.close()

    assert caplog.text == ""
