"""Connections that say nothing or too little, while somebody else asks: every question of theirs is answered."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx

from auth.caller import Caller
from bench.trust.findings import Effort, Finding
from bench.trust.installation import Installation
from tests.app.raw_websocket import HEAD, TEXT, frame
from tests.house import House

LONGEST_SECONDS = 5.0
DRIP_SECONDS = 0.5
POLL_SECONDS = 0.05
BODY = b"POST /graphql HTTP/1.1\r\nHost: house\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
# What each begins with, and what it sends now and then.
KINDS = {
    "silent": (b"", b""),
    "half a head": (b"GET /healthz HTTP/1.1\r\nHost: ho", b""),
    "a slow head": (b"GET /healthz HTTP/1.1\r\nX: ", b"x"),
    "a slow body": (BODY, b"{"),
    "a body that never comes": (BODY, b""),
    "a silent WebSocket": (HEAD.encode(), b""),
    "an endless WebSocket message": (HEAD.encode() + frame(TEXT, b"x", fin=False), frame(0, b"x", fin=False)),
    "pings without pongs": (HEAD.encode(), frame(9, b"x" * 100) * 20),
}


async def hold(installation: Installation, effort: Effort) -> Finding:
    """Open as many as the effort says, of each kind the same number; poll meanwhile."""
    house = installation.house
    finding = Finding("Slow and silent connections, while another user polls")
    caller = await house.user()
    job = await house.create(caller)
    memory, waits = installation.memory(), list[float]()
    async with AsyncExitStack() as stack:
        kinds = list(KINDS.values())
        for number in range(effort.silent):
            await stack.enter_async_context(_held(house, *kinds[number % len(kinds)]))
        end = time.monotonic() + effort.silent_seconds
        while time.monotonic() < end:
            waits.append(await _poll(house, caller, job, finding))
            await asyncio.sleep(POLL_SECONDS)
        grown = (installation.memory() - memory) / 2**20
    finding.check(max(waits) < LONGEST_SECONDS, f"a poll took {max(waits):.1f} s")
    finding.tried = (
        f"{effort.silent} connections of {len(kinds)} kinds for {effort.silent_seconds:.0f} s, {len(waits)} polls "
        f"beside them, the longest {max(waits) * 1000:.0f} ms; {grown:+.0f} MB"
    )
    await installation.close_books(finding)
    return finding


async def _poll(house: House, caller: Caller, job: str, finding: Finding) -> float:
    begun = time.monotonic()
    try:
        answer = await house.http.get(f"/api/v1/video-jobs/{job}", headers=house.headers(caller))
        finding.check(answer.is_success, f"a poll was answered {answer.status_code}")
    except httpx.HTTPError as error:
        finding.lost.append(f"a poll was not answered: {error!r}")
    return time.monotonic() - begun


@asynccontextmanager
async def _held(house: House, begin: bytes, drip: bytes) -> AsyncIterator[None]:
    _, writer = await asyncio.open_connection(house.http.base_url.host, house.http.base_url.port)

    async def send() -> None:
        while not writer.is_closing():
            writer.write(drip)
            await asyncio.sleep(DRIP_SECONDS)

    writer.write(begin)
    task = asyncio.create_task(send())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        writer.transport.abort()
