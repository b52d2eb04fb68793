"""What comes over a socket before it is a request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from app.http.protocol import LONGEST_UNFINISHED, REFUSED
from tests.house import House

SOON = 20.0
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(house: House) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection(house.http.base_url.host, house.http.base_url.port)
    try:
        async with asyncio.timeout(SOON):
            yield reader, writer
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"GET /", b"x"),
        (b"GET / HTTP/1.1\r\nHost: house\r\nX-Long: ", b"x"),
        (b"GET / HTTP/1.1\r\nHost: house\r\n", b"X-Many: x\r\n"),
        (b"GET / HTTP/1.1\r\nHost: house\r\n", b"x"),
    ],
    ids=["url", "value", "headers", "name"],
)
async def test_a_head_without_an_end_is_refused(house: House, begin: bytes, more: bytes) -> None:
    head = (begin + more * LONGEST_UNFINISHED)[: LONGEST_UNFINISHED + 1]

    async with connected(house) as (reader, writer):
        writer.write(head)
        answer = await reader.read()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(REFUSED.encode())


async def test_trailers_without_an_end_close_the_connection(house: House) -> None:
    head = b"POST /graphql HTTP/1.1\r\nHost: house\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"

    async with connected(house) as (reader, writer):
        writer.write(head)
        ended = asyncio.ensure_future(reader.read())
        while not ended.done():
            writer.write(b"X-Many: x\r\n" * 1000)
            await asyncio.wait([ended], timeout=0.01)
        # What is still on its way to a closed connection resets it.
        with suppress(ConnectionError):
            await ended


async def test_a_long_head_and_a_long_body_are_read(house: House) -> None:
    caller = await house.user()
    # Each as long as one may be, all together nearly as long as a head may be.
    long = house.headers(caller) | {f"X-Long-{number}": "x" * 7_900 for number in range(8)}
    assert LONGEST_UNFINISHED - 5_000 < 8 * 7_900 < LONGEST_UNFINISHED

    answers = [
        await house.http.post("/graphql", json={"query": "{ __typename }", "extensions": {"x": text}}, headers=long)
        for text in ("x", "x" * 10 * LONGEST_UNFINISHED)
    ]

    assert [answer.json()["data"] for answer in answers] == [{"__typename": "Query"}] * 2
