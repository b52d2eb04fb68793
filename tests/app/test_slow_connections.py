"""Connections that say nothing, or too little, or do not read, end; meanwhile others are served, or told why not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx
import pytest

from app.http.connection_limits import ConnectionLimits
from app.settings import Settings
from tests.app.test_http_protocol import Streams, connected
from tests.house import House, eventually
from tests.servers import serving

LARGE = 64 * 1024 * 1024
DEADLINES = ConnectionLimits(head_seconds=0.3, body_seconds=0.3, stall_seconds=0.5, connections=20)
BODY = b"POST /graphql HTTP/1.1\r\nHost: house\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
CHUNKED = (
    b"POST /graphql HTTP/1.1\r\nHost: house\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
)
ASK = b"GET /healthz HTTP/1.1\r\nHost: house\r\n\r\n"


@pytest.fixture
async def strict(house: House, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(Settings, "connection_limits", lambda _self: DEADLINES)
    async with serving(settings, house.database) as url, House.opened(settings, house.database, url) as own:
        yield own


@asynccontextmanager
async def dripping(streams: Streams, drip: bytes) -> AsyncIterator[None]:
    """Send a byte or so now and then, for as long as the connection lasts."""

    async def send() -> None:
        while not streams[1].is_closing():
            streams[1].write(drip)
            await asyncio.sleep(0.05)

    task = asyncio.ensure_future(send())
    try:
        yield
    finally:
        task.cancel()


@pytest.mark.parametrize(
    ("begin", "drip", "status"),
    [
        (b"", b"", b""),
        (b"", b"\r\n", b""),
        (b"GET", b"", b"408"),
        (b"GET /", b"x", b"408"),
        (b"GET / HTTP/1.1\r\nHost: house\r\nX: ", b"x", b"408"),
        (BODY, b"", b"408"),
        (BODY, b"x", b"408"),
        (CHUNKED, b"1\r\nx\r\n", b"408"),
        (CHUNKED + b"1", b"", b"408"),
        (ASK, b"", b"200"),
        (ASK, b"\r\n", b"200"),
        (ASK + b"GET /", b"x", b"200"),
    ],
    ids=[
        "silent", "blank lines", "half a head", "slow path", "slow header", "no body", "slow body", "slow chunks",
        "half a chunk", "kept alive", "blank lines after a request", "half a head after a request",
    ],
)  # fmt: skip
async def test_what_does_not_come_to_an_end_is_ended(strict: House, begin: bytes, drip: bytes, status: bytes) -> None:
    async with connected(strict) as streams, dripping(streams, drip):
        streams[1].write(begin)
        if begin == ASK and not drip:
            # It may be kept for another request for longer than this test lasts.
            assert (await streams[0].readline()).split()[1] == status
            return
        try:
            answer = await streams[0].read()
        except ConnectionError:
            answer = b""

    assert answer.split()[1:2] in ([status] if status else [], [])
    assert (await strict.http.get("/healthz")).status_code == 200


async def test_more_connections_than_there_may_be_are_answered_503_and_logged_once(
    strict: House, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(DEADLINES.connections):
            await stack.enter_async_context(connected(strict))
        answers = []
        for _ in range(5):
            reader, _ = await stack.enter_async_context(connected(strict))
            answers.append(await reader.read())

    assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 503 Service Unavailable"] * 5
    assert all(b"\r\nretry-after: 10\r\n" in answer for answer in answers)
    assert [record.message.split(". ")[0] for record in caplog.records if "refused" in record.message] == [
        "Connections refused or closed: 1 that were too many"
    ]


async def test_a_body_may_take_long_while_enough_of_it_comes(strict: House) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"query": "{ __typename }", "extensions": {"x": "'
        for _ in range(15):
            yield b"x" * DEADLINES.least_body
            await asyncio.sleep(0.1)
        yield b'"}}'

    headers = strict.headers(await strict.user()) | {"Content-Type": "application/json"}
    answer = await strict.http.post("/graphql", content=pieces(), headers=headers)

    assert answer.json()["data"] == {"__typename": "Query"}


async def test_who_reads_nothing_of_an_answer_is_disconnected(strict: House, caplog: pytest.LogCaptureFixture) -> None:
    folder = strict.settings.media_folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "large.mp4").write_bytes(bytes(LARGE))

    async with connected(strict) as (reader, writer):
        writer.write(b"GET /media/large.mp4 HTTP/1.1\r\nHost: house\r\n\r\n")
        # The reader of the standard library reads no more than 128 KB ahead.
        await eventually(lambda: _log(caplog), lambda text: "read nothing" in text)
        received = 0
        with suppress(ConnectionError):
            while piece := await reader.read(2**20):
                received += len(piece)

    assert received < LARGE


async def _log(caplog: pytest.LogCaptureFixture) -> str:
    return caplog.text


async def test_silent_connections_lock_nobody_out_for_long(strict: House) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(250):
            await stack.enter_async_context(connected(strict))

        assert await eventually(lambda: _is_served(strict.http), bool)


async def _is_served(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/healthz")).is_success
    except httpx.TransportError:
        return False


async def test_who_is_answered_before_the_body_is_in_may_ask_again_later(strict: House) -> None:
    refused = BODY.replace(b"100000", b"1000").replace(b"Host", b"Authorization: Bearer no\r\nHost")
    async with connected(strict) as (reader, writer):
        writer.write(refused)
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"x" * 1000)
        rest = asyncio.ensure_future(reader.readuntil(b"HTTP/1.1 200 "))
        _, waiting = await asyncio.wait([rest], timeout=3 * DEADLINES.head_seconds)
        writer.write(ASK)
        await rest

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert waiting == {rest}
