"""What WebSockets may take of a process: bytes of messages, time to begin, answers that nobody reads, connections."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import psutil
import pytest

from app.settings import Settings
from tests.app.processes import Server
from tests.app.raw_websocket import CONTINUATION, HEAD, PING, TEXT, RawWebSocket, frame
from tests.house import House, eventually
from tests.servers import serving

SOON = 20.0
KILOBYTE, MEGABYTE = 1024, 1024 * 1024
BEFORE_INIT, AFTER_INIT = 256 * KILOBYTE, MEGABYTE
TOO_BIG, TRY_AGAIN_LATER, INIT_TIMEOUT = 1009, 1013, 4408


async def grown(process: psutil.Process, act: Callable[[], Awaitable[object]]) -> int:
    """Return by how many bytes the process's memory has grown at most while something went on."""
    before = peak = process.memory_info().rss
    task = asyncio.ensure_future(act())
    while not task.done():
        await asyncio.wait([task], timeout=0.02)
        peak = max(peak, process.memory_info().rss)
    await task
    return int(peak - before)


def fragments(total: int, each: int) -> list[bytes]:
    first = frame(TEXT, b"x" * each, fin=False)
    more = frame(CONTINUATION, b"x" * each, fin=False)
    return [first, more * (total // each - 1)]


UNFINISHED = {
    "announced": [frame(TEXT, bytes(14 * MEGABYTE), announced=15 * MEGABYTE)],
    "announced as binary": [frame(2, bytes(14 * MEGABYTE), announced=15 * MEGABYTE)],
    "fragments": fragments(15 * MEGABYTE, 60 * KILOBYTE),
}


@pytest.mark.parametrize("kind", UNFINISHED)
async def test_a_message_without_an_end_is_not_kept(server: Server, kind: str) -> None:
    house, process = server
    codes: list[int | None] = []

    async def send() -> None:
        async with asyncio.timeout(SOON), AsyncExitStack() as stack:
            for _ in range(4):
                socket = await stack.enter_async_context(RawWebSocket.opened(house))
                await socket.send(*UNFINISHED[kind])
                codes.append(await socket.close_code())

    growth = await grown(process, send)

    assert set(codes) <= {TOO_BIG, None}
    assert growth < 8 * MEGABYTE


async def test_all_unfinished_messages_together_are_bounded(server: Server) -> None:
    house, process = server
    most = frame(TEXT, bytes(BEFORE_INIT - 1), announced=BEFORE_INIT)
    closed: list[int | None] = []

    async def send() -> None:
        async with asyncio.timeout(SOON), AsyncExitStack() as stack:
            sockets = [await stack.enter_async_context(RawWebSocket.opened(house)) for _ in range(500)]
            await asyncio.gather(*(socket.send(most) for socket in sockets))
            closed.extend(await asyncio.gather(*(socket.close_code() for socket in sockets)))

    growth = await grown(process, send)

    assert set(closed) == {TRY_AGAIN_LATER, INIT_TIMEOUT}
    assert growth < 96 * MEGABYTE


@pytest.mark.parametrize("introduced", [False, True])
async def test_pings_whose_pongs_nobody_reads_are_not_read(server: Server, *, introduced: bool) -> None:
    house, process = server
    pings = frame(PING, b"x" * 125) * 1000
    sent = 0

    async def send() -> None:
        nonlocal sent
        async with RawWebSocket.opened(house) as socket:
            if introduced:
                await socket.initialise(house)
            for _ in range(500):
                socket.writer.write(pings)
                try:
                    await asyncio.wait_for(socket.writer.drain(), 1)
                except (TimeoutError, ConnectionError):
                    return
                sent += len(pings)

    growth = await grown(process, send)

    assert growth < 8 * MEGABYTE
    assert sent < 50 * MEGABYTE


TINY = {
    "fragments": [frame(TEXT, b"x", fin=False), frame(CONTINUATION, b"x", fin=False) * 200_000],
    "empty fragments": [frame(TEXT, b"", fin=False), frame(CONTINUATION, b"", fin=False) * 200_000],
    "pings": [frame(PING, b"") * 200_000],
    "messages": [frame(TEXT, b'{"type":"pong"}') * 100_000],
}


@pytest.mark.parametrize("kind", TINY)
async def test_tiny_frames_keep_nobody_waiting(server: Server, record_property: Any, kind: str) -> None:
    house, process = server

    async def asked(count: int) -> list[float]:
        waits = []
        for _ in range(count):
            begun = time.perf_counter()
            assert (await house.graphql(None, "{ __typename }"))["data"] == {"__typename": "Query"}
            waits.append(time.perf_counter() - begun)
        return sorted(waits)

    async def ask_beside() -> list[float]:
        async with AsyncExitStack() as stack:
            sockets = [await stack.enter_async_context(RawWebSocket.opened(house)) for _ in range(4)]
            sending = [asyncio.ensure_future(socket.send(*TINY[kind])) for socket in sockets]
            waits = await asked(60)
            for task in sending:
                task.cancel()
            return waits

    quiet = await asked(60)
    loud: list[float] = []
    growth = await grown(process, lambda: _into(loud, ask_beside()))

    record_property("waits", (quiet[54], loud[54], growth))
    assert loud[54] < 10 * quiet[54]
    assert growth < 16 * MEGABYTE


async def _into(target: list[float], values: Awaitable[list[float]]) -> None:
    target.extend(await values)


async def test_who_reads_pongs_gets_all_of_them(house: House) -> None:
    pings = frame(PING, b"x" * 125) * 1000
    async with asyncio.timeout(SOON), RawWebSocket.opened(house) as socket:
        await socket.initialise(house)
        sending = asyncio.ensure_future(socket.send(*[pings] * 4))
        answers = [await socket.received() for _ in range(4_000)]
        await sending

    assert set(answers) == {(10, b"x" * 125)}


@pytest.mark.parametrize(
    ("introduced", "size", "code"),
    [
        (False, BEFORE_INIT, 4400),
        (False, BEFORE_INIT + 1, TOO_BIG),
        (True, BEFORE_INIT + 1, 4400),
        (True, AFTER_INIT, 4400),
        (True, AFTER_INIT + 1, TOO_BIG),
    ],
)
@pytest.mark.parametrize("pieces", [1, 7])
async def test_messages_may_be_so_long(house: House, size: int, code: int, pieces: int, *, introduced: bool) -> None:
    text = json.dumps({"type": "no type of ours", "x": ""}).encode()
    text = text[:-2] + b"x" * (size - len(text)) + text[-2:]
    parts = [text[begin : begin + size // pieces] for begin in range(0, size, size // pieces)]
    frames = [frame(CONTINUATION if number else TEXT, part, fin=part is parts[-1]) for number, part in enumerate(parts)]
    async with asyncio.timeout(SOON), RawWebSocket.opened(house) as socket:
        if introduced:
            await socket.initialise(house)
        await socket.send(*frames)

        assert await socket.close_code() in {code, None if code == TOO_BIG else code}


async def test_who_says_nothing_or_only_pings_is_closed_after_five_seconds(house: House) -> None:
    begun = asyncio.get_running_loop().time()
    async with asyncio.timeout(SOON), RawWebSocket.opened(house) as silent, RawWebSocket.opened(house) as pinging:
        await pinging.send(frame(TEXT, b'{"type": "ping"}'))

        codes = await silent.close_code(), await pinging.close_code()

    assert codes == (INIT_TIMEOUT, INIT_TIMEOUT)
    assert asyncio.get_running_loop().time() - begun < 10


async def test_an_address_has_so_many_websockets(settings: Settings, house: House) -> None:
    async def answer(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        return head

    few = settings.model_copy(update={"websockets_per_address": 2})
    async with serving(few, house.database) as url, House.opened(few, house.database, url) as other:
        port = other.http.base_url.port or 0
        async with RawWebSocket.opened(other), RawWebSocket.opened(other) as second:
            refused = await answer(port)
            second.writer.close()
            assert b" 429 " in refused.split(b"\r\n")[0]
            assert b"retry-after: 10" in refused.lower()

            assert b" 101 " in (await eventually(lambda: answer(port), lambda head: b" 429 " not in head))
