"""Streams end with the process, whatever they wait for."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from resolvers.streams import Streams

LIMIT = 3


async def counting(closed: list[bool], *, last: int = 1_000_000) -> AsyncGenerator[int, None]:
    """Yield 1 and 2 at once, then wait for ever; or end after the last."""
    try:
        for number in range(1, last + 1):
            if number > 2:
                await asyncio.Event().wait()
            yield number
    finally:
        await asyncio.sleep(0)
        closed.append(True)


async def test_a_stream_that_waits_ends_at_once() -> None:
    streams, closed, seen = Streams(LIMIT), list[bool](), list[int]()

    async def follow() -> None:
        async for number in streams.until_end(counting(closed)):
            seen.append(number)

    following = [asyncio.create_task(follow()) for _ in range(2)]
    await asyncio.sleep(0.01)
    before = list(closed)
    streams.end()
    async with asyncio.timeout(5):
        await asyncio.gather(*following)

    assert (before, closed, sorted(seen)) == ([], [True, True], [1, 1, 2, 2])
    assert streams.are_ending


async def test_what_is_there_already_is_still_told() -> None:
    streams, closed = Streams(LIMIT), list[bool]()
    streams.end()
    assert [number async for number in streams.until_end(counting(closed))] == [1, 2]
    assert closed == [True]


async def test_a_stream_that_has_an_end_has_it() -> None:
    streams, closed = Streams(LIMIT), list[bool]()
    assert [number async for number in streams.until_end(counting(closed, last=2))] == [1, 2]
    assert closed == [True]


async def test_another_timeout_is_none_of_ours() -> None:
    async def late() -> AsyncGenerator[int, None]:
        raise TimeoutError("the storage")
        yield 0

    streams = Streams(LIMIT)
    with pytest.raises(TimeoutError, match="the storage"):
        async for _ in streams.until_end(late()):
            pass


async def test_a_wait_is_over_when_its_time_is_or_the_process_ends() -> None:
    streams = Streams(LIMIT)
    with pytest.raises(TimeoutError):
        async with streams.waiting(0.01):
            await asyncio.Event().wait()
    asyncio.get_running_loop().call_later(0.01, streams.end)
    async with asyncio.timeout(5):
        for _ in range(2):
            with pytest.raises(TimeoutError):
                async with streams.waiting(600):
                    await asyncio.Event().wait()


async def test_who_is_cancelled_is_cancelled() -> None:
    streams, closed = Streams(LIMIT), list[bool]()

    async def follow() -> None:
        async for _ in streams.until_end(counting(closed)):
            pass

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.01)
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    streams.end()
    assert closed == [True]
