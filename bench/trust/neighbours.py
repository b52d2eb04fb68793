"""A loud user beside a quiet one, and everybody at once: what others do is felt, but no more than so much."""

import asyncio
import contextlib
import itertools
import json
import secrets
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NamedTuple
from uuid import UUID

import psutil

from auth.caller import Caller
from bench import data, requests
from bench.load import Load, body_length, quantile
from bench.subscribers import ASKED, Server, subscribed, touch
from bench.trust.findings import Effort, Finding
from bench.trust.installation import API, Installation, installed
from db.video_jobs import VideoJobRow
from resolvers import video_job_creation
from tests.house import CATALOGUE

LOOKS = 20_000
PACED_CONNECTIONS = 32
FOLLOWERS_EACH = 50
ROUNDS = 3
POLL_SECONDS = 0.005
# To begin with, which are not counted: a process has to get to know the user and prepare its statements.
FIRST_POLLS = 20
LOUD_SECONDS = 120.0
ANSWER_SECONDS = 30.0

DEAR = "{ looks(view: PUBLIC, first: 60) { nodes { id title products { id name price } videos { id status } } } }"
NOWHERE = '{ looks(view: PUBLIC, search: "nowhere %d") { nodes { id } } }'
CHEAP = "{ viewer { id tokens { balance } } }"
CREATE_LOOK = "mutation ($input: CreateLookInput!) { createLook(input: $input) { look { id } } }"


class Loud(NamedTuple):
    """Who lives beside the quiet user: what they ask again and again, and how much longer polls may take for it."""

    what: str
    connections: int
    most_ratio: float
    requests: Callable[[str], list[str]]


def _dear(token: str) -> list[str]:
    return [requests.graphql(query, {}, token) for query in (NOWHERE % 1, NOWHERE % 2, DEAR, DEAR)]


def _pages(token: str) -> list[str]:
    return [requests.get(f"/api/v1/looks?view_type=public&limit=1000&skip={skip}", token) for skip in (0, 1000)]


def _refused(token: str) -> list[str]:
    """Return what is refused, and is long or has very many values: 30 kB, 600 kB, and what a body may be at most."""
    found = []
    for count in (8_000, 150_000, 300_000):
        products: dict[str, object] = {"generatedImageBase64": "x", "products": [{}] * count}
        found += [
            requests.json_body("POST", "/api/v1/looks", products, token),
            requests.json_body(
                "PATCH", f"/api/v1/looks/{UUID(int=0)}/visibility", {"sharedWith": ["x"] * count}, token
            ),
            requests.graphql(CREATE_LOOK, {"input": products}, token),
        ]
    return found


LOUD = (
    Loud("the dearest allowed things on 16 connections", 16, 5.0, _dear),
    Loud("pages of 1,000 looks on 16 connections", 16, 5.0, _pages),
    Loud("lists of 8,000 to 300,000 members", 1, 3.0, _refused),
)


async def live_beside(effort: Effort) -> list[Finding]:
    """Fill an installation, and measure in it; without a worker, jobs change when they are told to."""
    async with installed("--no-worker", STREAMS_PER_USER=FOLLOWERS_EACH * 2) as installation:
        await data.fill(installation.house.database, LOOKS)
        beside = [await _loud_and_quiet(installation, effort, loud) for loud in LOUD]
        return [*beside, await _mixed(installation, effort)]


async def _loud_and_quiet(installation: Installation, effort: Effort, neighbour: Loud) -> Finding:
    finding, house = Finding(f"A quiet user's polls beside a loud user: {neighbour.what}"), installation.house
    quiet, loud = await installation.rich(2)
    poll = requests.get(f"/api/v1/video-jobs/{await house.create(quiet)}", _token(installation, quiet))
    alone = await _polled(installation, poll, effort.polls, finding)
    asked = neighbour.requests(_token(installation, loud))
    async with _loud(installation, asked, neighbour.connections):
        await asyncio.sleep(1)
        beside = await _polled(installation, poll, effort.polls, finding)
    p99 = [quantile(waits, 0.99) * 1000 for waits in (alone, beside)]
    finding.check(p99[1] <= neighbour.most_ratio * p99[0], f"{p99[1] / p99[0]:.1f} times the quiet p99")
    finding.tried = f"{effort.polls:,} polls each: p99 {p99[0]:.1f} ms alone, {p99[1]:.1f} ms beside"
    return finding


@contextlib.asynccontextmanager
async def _loud(installation: Installation, asked: list[str], connections: int) -> AsyncIterator[None]:
    """Ask without a pause from a process of its own, for as long as the context lasts."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.load"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )
    server = installation.processes(API)[0].pid
    load = Load(_port(installation), server, asked, LOUD_SECONDS, connections)
    if process.stdin is not None:
        process.stdin.write(json.dumps(load).encode())
        process.stdin.write_eof()
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def _polled(installation: Installation, poll: str, times: int, finding: Finding) -> list[float]:
    waits = []
    async with contextlib.aclosing(_Connection(_port(installation))) as connection:
        for _ in range(FIRST_POLLS + times):
            begun = time.perf_counter()
            status = await connection.ask(poll)
            waits.append(time.perf_counter() - begun)
            finding.check(status == HTTPStatus.OK, f"a poll was answered {status}")
            await asyncio.sleep(POLL_SECONDS)
    return waits[FIRST_POLLS:]


async def _mixed(installation: Installation, effort: Effort) -> Finding:
    finding = Finding("Mixed load: requests of many users, while streams follow their jobs")
    users = await installation.rich(max(1, effort.streams // FOLLOWERS_EACH))
    jobs = {_token(installation, user): await _job(installation, user) for user in users}
    server = Server(installation.house.base_url, psutil.Process(installation.processes(API)[0].pid))
    clients = await subscribed(server, effort.streams, list(jobs), [str(job.id) for job in jobs.values()])
    noted = _Noted()
    load = asyncio.create_task(_paced(installation, effort, list(jobs), noted))
    rows, heard, slowest = list(jobs.values()), 0, 0.0
    for number in range(ROUNDS):
        text = f"round-{number}-{secrets.token_hex(4)}"
        told = [asyncio.ensure_future(client.until(text.encode())) for client in clients]
        await asyncio.sleep(effort.mixed_seconds / ROUNDS)
        begun = time.perf_counter()
        await touch(installation.house.database, rows, text)
        ends = await asyncio.gather(*told, return_exceptions=True)
        times = [end for end in ends if isinstance(end, float)]
        heard, slowest = heard + len(times), max([slowest, *(end - begun for end in times)])
    await load
    for client in clients:
        client.close()
    finding.check(heard == ROUNDS * len(clients), f"{ROUNDS * len(clients) - heard} changes were not heard of")
    finding.lost += [f"{count} answers {status}" for status, count in noted.statuses.items() if status != HTTPStatus.OK]
    finding.tried = (
        f"{len(noted.waits):,} requests in {effort.mixed_seconds:.0f} s ({effort.rate} a second asked for), p99 "
        f"{quantile(noted.waits, 0.99) * 1000:.0f} ms; {len(clients):,} streams, {heard:,} changes heard, the last "
        f"after {slowest * 1000:.0f} ms"
    )
    await installation.close_books(finding, finished=False)
    return finding


@dataclass
class _Noted:
    statuses: Counter[int] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)


async def _paced(installation: Installation, effort: Effort, tokens: Sequence[str], noted: _Noted) -> None:
    """Ask at a rate, over some connections; where the machine carries less, less is asked."""
    asked = itertools.cycle(
        part
        for token in tokens
        for part in (
            requests.graphql(CHEAP, {}, token),
            requests.get("/api/v1/video-jobs?limit=20", token),
            requests.graphql(DEAR.replace("60", "20"), {}, token),
            requests.get("/api/v1/subscription/info", token),
        )
    )
    end = time.perf_counter() + effort.mixed_seconds
    each = effort.rate / PACED_CONNECTIONS
    workers = [_ask_on(_port(installation), asked, each, end, noted) for _ in range(PACED_CONNECTIONS)]
    await asyncio.gather(*workers)


async def _ask_on(port: int, asked: Iterator[str], rate: float, end: float, noted: _Noted) -> None:
    async with contextlib.aclosing(_Connection(port)) as connection:
        due = time.perf_counter()
        while due < end:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            begun = time.perf_counter()
            noted.statuses[await connection.ask(next(asked))] += 1
            noted.waits.append(time.perf_counter() - begun)
            # What is late is not made up for.
            due = max(due + 1 / rate, begun)


class _Connection:
    """A connection that asks one thing after the other."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: str) -> int:
        """Return the status, 0 where nothing comes back."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._ask(request)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            await self.aclose()
            return 0

    async def aclose(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].transport.abort()
        self._streams = None

    async def _ask(self, request: str) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request.encode("latin-1"))
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(body_length(head))
        return int(head.split(maxsplit=2)[1])


async def _job(installation: Installation, caller: Caller) -> VideoJobRow:
    async with installation.house.database.transaction() as session:
        return (await video_job_creation.create(session, caller, ASKED, CATALOGUE)).job


def _token(installation: Installation, caller: Caller) -> str:
    return installation.house.headers(caller)["Authorization"].removeprefix("Bearer ")


def _port(installation: Installation) -> int:
    return installation.house.http.base_url.port or 0
