"""What is broken in a WebSocket is the client's fault: it is closed with a code, and no log line says otherwise."""

import json
import logging

import pytest
import websockets

from tests.app.raw_websocket import CLOSE, CONTINUATION, PING, TEXT, RawWebSocket, frame
from tests.house import House

BINARY = 2
GOODBYE = frame(CLOSE, b"\x03\xe8")
NO_TEXT = frame(TEXT, b'{"type":"ping","payload":{"a":"\xff"}}')
IN_PARTS = frame(TEXT, b"\xe2", fin=False) + frame(CONTINUATION, b"\x82", fin=False) + frame(CONTINUATION, b"x")
TWO_PARTS = frame(TEXT, b"\xc3", fin=False) + frame(CONTINUATION, b"(")
NO_JSON = frame(TEXT, b"{")
UNKNOWN = frame(TEXT, b'{"type":"x"}')
OPERATION = frame(
    TEXT,
    json.dumps({"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { id } }"}}).encode(),
)
INVALID_DATA, NO_MESSAGE, NORMAL, PROTOCOL_ERROR = 1007, 4400, 1000, 1002


@pytest.mark.parametrize("initialised", [True, False])
@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        (NO_TEXT, {INVALID_DATA}),
        (IN_PARTS, {INVALID_DATA}),
        (TWO_PARTS, {INVALID_DATA}),
        (NO_TEXT + NO_TEXT, {INVALID_DATA}),
        (NO_TEXT + GOODBYE, {INVALID_DATA, NORMAL}),
        (NO_TEXT + frame(PING, b"x"), {INVALID_DATA}),
        (NO_TEXT + NO_JSON, {INVALID_DATA}),
        (NO_JSON + NO_TEXT, {INVALID_DATA, NO_MESSAGE}),
        (NO_JSON + GOODBYE, {NO_MESSAGE, NORMAL}),
        (UNKNOWN + GOODBYE, {NO_MESSAGE, NORMAL}),
        (UNKNOWN + NO_TEXT, {NO_MESSAGE, INVALID_DATA}),
        (NO_JSON + frame(15, b""), {NO_MESSAGE, PROTOCOL_ERROR}),
        (frame(BINARY, b"{}") + GOODBYE, {NO_MESSAGE, NORMAL}),
        (OPERATION * 20 + NO_TEXT, {INVALID_DATA, NO_MESSAGE, 4401, 4409}),
        (OPERATION * 20 + GOODBYE, {NORMAL, 4401, 4409}),
    ],
)
async def test_a_broken_connection_is_closed_and_is_no_fault_of_ours(
    house: House, caplog: pytest.LogCaptureFixture, *, sent: bytes, codes: set[int], initialised: bool
) -> None:
    async with RawWebSocket.opened(house) as socket:
        if initialised:
            await socket.initialise(house)
        await socket.send(sent)
        code = await socket.close_code()

    assert code in codes
    await house.graphql(await house.user(), "{ viewer { id } }")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("header", [("Authorization", "Bearer x"), ("Host", "elsewhere.example")])
async def test_a_handshake_that_is_refused_is_no_fault_of_ours(
    house: House, caplog: pytest.LogCaptureFixture, header: tuple[str, str]
) -> None:
    url, twice = house.base_url.replace("http", "ws", 1), websockets.Headers([header] * 2)

    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(f"{url}/graphql", additional_headers=twice)

    assert refused.value.response.status_code == 400
    await house.graphql(await house.user(), "{ viewer { id } }")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
