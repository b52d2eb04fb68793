"""One execution for many subscribers: it lasts as long as one of them is there."""

import asyncio

from graphql_server.fan_out import Events, Groups


async def test_an_execution_ends_with_its_last_subscriber() -> None:
    closed = asyncio.Event()

    async def events() -> Events:
        try:
            yield "one"
            await asyncio.Event().wait()
        finally:
            closed.set()

    groups = Groups()
    first, second = groups.subscribe("key", events), groups.subscribe("key", events)
    assert [await anext(first), await anext(second)] == ["one", "one"]
    await first.aclose()
    await asyncio.sleep(0)
    assert not closed.is_set()

    await second.aclose()
    async with asyncio.timeout(5):
        await closed.wait()
