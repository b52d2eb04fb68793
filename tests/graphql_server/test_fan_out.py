"""One execution for many subscribers: it lasts as long as one of them is there."""

import asyncio

from graphql_server.fan_out import Events, Sharing


async def test_an_execution_ends_with_its_last_subscriber() -> None:
    closed = asyncio.Event()

    async def events() -> Events:
        try:
            yield "one"
            await asyncio.Event().wait()
        finally:
            closed.set()

    groups = Sharing()
    first, second = groups.subscribe("key", events), groups.subscribe("key", events)
    assert [await anext(first), await anext(second)] == ["one", "one"]
    ends = []
    for subscriber in (first, second):
        await subscriber.aclose()
        for _ in range(5):
            await asyncio.sleep(0)
        ends.append(closed.is_set())
    assert ends == [False, True]


async def test_who_comes_as_the_last_one_leaves_gets_an_execution_of_their_own() -> None:
    started = 0

    async def events() -> Events:
        nonlocal started
        started += 1
        yield f"of execution {started}"
        await asyncio.Event().wait()

    groups = Sharing()
    first = groups.subscribe("key", events)
    assert await anext(first) == "of execution 1"
    await first.aclose()
    second = groups.subscribe("key", events)
    assert await anext(second) == "of execution 2"
    await second.aclose()
