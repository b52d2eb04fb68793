"""What is in progress when a server ends, down to the bytes."""

import asyncio
import json
import logging
import socket

import httpx
import pytest

from app.settings import Settings
from db.tables import Look
from resolvers.streams import Streams
from tests.house import House, eventually
from tests.schema.over_http import EVENTS, JSON, events
from tests.servers import serving

ORIGIN = "https://working.example"
SOON = 20.0
QUERY = json.dumps({"query": "{ __typename }"}).encode()
MUTATE = "mutation ($id: ID!) { cancelVideoJob(input: {id: $id}) { errors { __typename } } }"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: house\r\n\r\n"
UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nHost: house\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


class Connection:
    """A connection, and what the server has sent on it."""

    def __init__(self, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.url = url
        self.reader = reader
        self.writer = writer

    async def first(self) -> bytes:
        """Read one answer with a JSON body."""
        return await self.reader.readuntil(b"}")

    async def after_the_end_began(self, rest: bytes) -> httpx.Response:
        """Send the rest of a request once nobody is accepted any more; read the answer, and the connection's end."""
        await eventually(lambda: is_refused(self.url), bool, SOON)
        self.writer.write(rest)
        return await self.answer()

    async def answer(self) -> httpx.Response:
        # At the end of what comes, asyncio reads no more, and leaves it to us to close.
        async with asyncio.timeout(SOON):
            head, _, body = (await self.reader.read()).partition(b"\r\n\r\n")
        self.writer.close()
        status, *lines = head.decode().split("\r\n")
        headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        return httpx.Response(int(status.split()[1]), headers=headers, content=body)


async def opened(url: str) -> Connection:
    address = httpx.URL(url)
    return Connection(url, *await asyncio.open_connection(address.host, address.port))


async def is_refused(url: str) -> bool:
    try:
        (await opened(url)).writer.close()
    except (ConnectionRefusedError, ConnectionResetError):
        return True
    return False


def request(path: str, body: bytes, headers: dict[str, str]) -> tuple[bytes, bytes]:
    """Return a request with all but its last byte, and that."""
    lines = {"Host": "house", "Origin": ORIGIN, "Content-Type": JSON, "Content-Length": len(body)} | headers
    head = "".join([f"POST {path} HTTP/1.1\r\n", *(f"{name}: {value}\r\n" for name, value in lines.items()), "\r\n"])
    return head.encode() + body[:-1], body[-1:]


@pytest.fixture
def open_settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"cors_origins": ORIGIN})


@pytest.mark.parametrize("path", ["/graphql", "/api/v1/looks"])
async def test_what_is_not_finished_in_time_is_told_so(
    house: House,
    open_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    path: str,
) -> None:
    monkeypatch.setattr("app.http.server.DRAIN_SECONDS", 0.2)
    begun, _ = request(path, QUERY, house.headers(await house.user()))
    looks = await house.count(table=Look)
    async with serving(open_settings, house.database) as url:
        connection = await opened(url)
        connection.writer.write(begun)
        await is_refused(url)
    answer = await connection.answer()

    assert answer.status_code == 503
    assert {name: answer.headers[name] for name in ("Connection", "Retry-After", "Access-Control-Allow-Origin")} == {
        "Connection": "close",
        "Retry-After": "1",
        "Access-Control-Allow-Origin": ORIGIN,
    }
    sentence = "The server is being restarted and has broken off the request. Please try again."
    if path == "/graphql":
        assert answer.json() == {"errors": [{"message": sentence, "extensions": {"code": "SERVER_RESTARTING"}}]}
    else:
        request_id = answer.headers["X-Request-ID"]
        assert answer.json() == {"detail": sentence, "code": "SERVER_RESTARTING", "requestId": request_id}
    assert await house.count(table=Look) == looks
    assert f"POST {path} was broken off: the process ends" in caplog.messages
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_download_that_nobody_reads_is_broken_off_without_a_traceback(
    house: House, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.http.server.DRAIN_SECONDS", 0.2)
    settings.media_folder.mkdir(parents=True, exist_ok=True)
    (settings.media_folder / "long.mp4").write_bytes(bytes(32 * 1024 * 1024))
    async with serving(settings, house.database) as url:
        connection = await opened(url)
        # asyncio's streams stop to read when they hold 128 KB.
        connection.writer.write(b"GET /media/long.mp4 HTTP/1.1\r\nHost: house\r\n\r\n")
        assert (await connection.reader.readuntil(b"\r\n")) == b"HTTP/1.1 200 OK\r\n"
    connection.writer.close()

    assert "GET /media/long.mp4 was broken off: the process ends" in caplog.messages
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("before", [b"", HEALTH], ids=["new", "kept alive"])
async def test_a_request_that_has_begun_to_come_is_answered(house: House, settings: Settings, before: bytes) -> None:
    async with serving(settings, house.database) as url:
        connection = await opened(url)
        if before:
            connection.writer.write(before)
            first = await connection.first()
        connection.writer.write(HEALTH[:20])
        rest = asyncio.create_task(connection.after_the_end_began(HEALTH[20:]))
        await is_refused(url)
    answer = await rest
    connection.writer.close()

    assert (answer.status_code, answer.json(), answer.headers["Connection"]) == (200, {"status": "ok"}, "close")
    if before:
        assert b"connection: close" not in first.lower()


async def test_who_connects_as_listening_ends_is_answered(
    house: House, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = Streams.end
    with socket.socket() as client:
        client.settimeout(SOON)
        async with serving(settings, house.database) as url:
            address = httpx.URL(url)

            def connect_and_end(streams: Streams) -> None:
                # The kernel accepts, and the event loop does not know of it yet.
                client.connect((address.host, address.port))
                client.sendall(HEALTH)
                end(streams)

            monkeypatch.setattr(Streams, "end", connect_and_end)
        answer = await asyncio.to_thread(client.makefile("rb").read)

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"connection: close" in answer.lower()


async def test_a_mutation_is_answered_by_events_until_the_last(house: House, settings: Settings) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    body = json.dumps({"query": MUTATE, "variables": {"id": job_id}}).encode()
    begun, rest = request("/graphql", body, house.headers(caller) | {"Accept": EVENTS})
    async with serving(settings, house.database) as url:
        connection = await opened(url)
        connection.writer.write(begun)
        answering = asyncio.create_task(connection.after_the_end_began(rest))
        await is_refused(url)
    answer = await answering
    connection.writer.close()

    chunks = answer.text.split("\r\n")
    (name, result), end = events("".join(chunks[1::2]))
    assert (name, result["data"], end) == ("next", {"cancelVideoJob": {"errors": []}}, ("complete", None))
    assert chunks[-3:] == ["0", "", ""]
    assert (await house.job(job_id)).status == "CANCELLED"


async def test_no_websocket_begins_any_more(house: House, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(settings, house.database) as url:
        connection = await opened(url)
        connection.writer.write(UPGRADE[:-2])
        answering = asyncio.create_task(connection.after_the_end_began(UPGRADE[-2:]))
        await is_refused(url)
    answer = await answering
    connection.writer.close()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
