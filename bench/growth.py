"""Whether more data makes a page slower: many looks beside few, and page 1,000 beside the first, one client."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench import data, requests
from bench.figures import Effort, Failed, Section, at_most, compared
from bench.harness import Harness, Server, ask, module
from bench.load import Load, beside, warmed_up
from bench.reads import FIRST, looks_request

LARGE = "many_looks"
TARGET = at_most(1.2)
CURSOR = """query Walk($first: Int!, $after: String) { looks(first: $first, view: PUBLIC, after: $after) {
    pageInfo { endCursor } } }"""
LARGEST_PAGE = 100


async def measure(harness: Harness, effort: Effort) -> Section:
    """Compare latencies of one client."""
    section = Section(
        "Growth", f"{effort.many_looks:,} looks beside {effort.looks:,}, one client, the median's latency."
    )
    token = harness.token(data.numbered(1))
    async with _two_sizes(harness, effort) as (large, small):
        cursor = await cursor_after(large, token, (effort.page - 1) * FIRST)
        first = Load(*large, [looks_request(token)], effort.seconds, 1)
        late = first._replace(requests=[looks_request(token, cursor)])
        few = first._replace(port=small.port, process=small.process)
        await warmed_up((first, late, few), effort)
        size = await beside(first, few, effort.rounds)
        depth = await beside(late, first, effort.rounds)
    section.comparisons += [
        compared(f"a page of {effort.many_looks:,} looks, latency", f"of {effort.looks:,} looks", size, TARGET, "p50"),
        compared(f"page {effort.page:,}, latency", "the first page", depth, TARGET, "p50"),
    ]
    return section


@asynccontextmanager
async def _two_sizes(harness: Harness, effort: Effort) -> AsyncIterator[tuple[Server, Server]]:
    """Serve both databases; the large one is dropped afterwards."""
    await data.filled_beside(harness.database, LARGE, effort.many_looks)
    try:
        async with (
            module("app.api", harness.environment(LARGE)) as large,
            module("app.api", harness.environment()) as small,
        ):
            yield large, small
    finally:
        await data.drop(harness.database, LARGE)


async def cursor_after(server: Server, token: str, rows: int) -> str:
    """Walk as a client would, in large pages; return the cursor of that row, counted from 1.

    Raises:
        Failed: there are not so many rows.

    """
    cursor: str | None = None
    while rows > 0:
        variables = {"first": min(rows, LARGEST_PAGE), "after": cursor}
        answer = json.loads((await ask(server.port, requests.graphql(CURSOR, variables, token))).body)
        cursor = answer["data"]["looks"]["pageInfo"]["endCursor"]
        rows -= LARGEST_PAGE
        if cursor is None:
            break
    if cursor is None:
        raise Failed("There are too few looks for such a late page")
    return cursor
