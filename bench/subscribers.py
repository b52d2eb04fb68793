"""5,000 subscribers in one API process: CPU and memory for each, and how long the last one waits.

Beside them, as many connections to a bare server that echoes the same bytes.
"""

import asyncio
import json
import os
import secrets
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NamedTuple
from uuid import uuid4

import psutil
import typer
import uvloop

from app.listening import listen
from app.registry import catalogue
from app.settings import Settings
from app.wiring import open_database
from auth.caller import Caller
from auth.tokens import sign
from bench.harness import launched
from bench.sockets import Client, connect
from db import video_job_changes
from db.engine.database import Database
from db.video_jobs import VideoJobRow
from resolvers import accounts, video_job_creation
from resolvers.video_job_input import VideoJobInput

SUBSCRIBE = "subscription ($id: ID!) { videoJob(id: $id) { version status statusMessage progressPercentage } }"
ASKED = VideoJobInput(
    model="veo-3.1-generate-preview",
    resolution="720p",
    aspect_ratio="16:9",
    mock_mode=True,
    prompt="The model turns slowly",
)
CONNECTED_AT_ONCE = 100


class Server(NamedTuple):
    """A server process and where it listens."""

    url: str
    process: psutil.Process

    def cpu_seconds(self) -> float:
        """Return what it has used."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> int:
        """Return its resident size in bytes."""
        return int(self.process.memory_info().rss)


class Figures(NamedTuple):
    """Of one scenario: microseconds of CPU a delivery, milliseconds to the last one, kilobytes a connection."""

    cpu: float
    last: float
    memory: float


@asynccontextmanager
async def served(module: str, environment: Mapping[str, str]) -> AsyncIterator[Server]:
    """Run `python -m module --fd N` for as long as the context lasts."""
    listener: socket.socket = listen("127.0.0.1", 0)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *launched(module), "--fd", str(listener.fileno())),
        env=dict(environment),
        pass_fds=[listener.fileno()],
    )
    try:
        host, port = listener.getsockname()[:2]
        yield Server(f"http://{host}:{port}", psutil.Process(process.pid))
    finally:
        process.terminate()
        await process.wait()
        listener.close()


async def connected(server: Server, path: str, count: int, subprotocol: str | None = None) -> list[Client]:
    """Open connections, some at once."""
    clients: list[Client] = []
    while len(clients) < count:
        batch = min(CONNECTED_AT_ONCE, count - len(clients))
        clients += await asyncio.gather(*(connect(server.url, path, subprotocol) for _ in range(batch)))
    return clients


async def subscribed(server: Server, count: int, tokens: Sequence[str], job_ids: Sequence[str]) -> list[Client]:
    """Let each client subscribe to a job of its user's and be told its present state.

    Some at once: who does not introduce itself soon after it has connected is closed.
    """
    clients: list[Client] = []
    while len(clients) < count:
        first = len(clients)
        batch = await connected(server, "/graphql", min(CONNECTED_AT_ONCE, count - first), "graphql-transport-ws")
        for number, client in enumerate(batch, first):
            token = {"Authorization": f"Bearer {tokens[number % len(tokens)]}"}
            client.send(json.dumps({"type": "connection_init", "payload": token}))
        await asyncio.gather(*(client.until(b"connection_ack") for client in batch))
        for number, client in enumerate(batch, first):
            payload = {"query": SUBSCRIBE, "variables": {"id": job_ids[number % len(job_ids)]}}
            client.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        await asyncio.gather(*(client.until(b'"next"') for client in batch))
        clients += batch
    return clients


async def touch(database: Database, jobs: list[VideoJobRow], text: str) -> None:
    """Change all jobs in one transaction."""
    async with database.transaction() as session:
        for number, job in enumerate(jobs):
            changed = await video_job_changes.change(session, job, {"status_message": text}, {})
            jobs[number] = job if changed is None else changed


async def followed(
    server: Server, database: Database, users: Mapping[str, VideoJobRow], subscribers: int, rounds: int
) -> Figures:
    """Subscribe, change the jobs a few times, and measure what the deliveries cost."""
    before = server.memory()
    clients = await subscribed(server, subscribers, list(users), [str(job.id) for job in users.values()])
    memory = (server.memory() - before) / subscribers / 1024
    jobs, last, cpu = list(users.values()), [], server.cpu_seconds()
    for number in range(rounds):
        text = f"round-{number}-{secrets.token_hex(4)}"
        told = [asyncio.ensure_future(client.until(text.encode())) for client in clients]
        await asyncio.sleep(0)
        await touch(database, jobs, text)
        begin = time.perf_counter()
        last.append((max(await asyncio.gather(*told)) - begin) * 1000)
    cpu = (server.cpu_seconds() - cpu) / rounds / subscribers * 1e6
    for client in clients:
        client.close()
    return Figures(cpu, statistics.median(last), memory)


async def echoed(server: Server, connections: int, rounds: int, size: int) -> Figures:
    """Let a bare server echo as many bytes to as many connections."""
    before = server.memory()
    clients = await connected(server, "/", connections)
    memory = (server.memory() - before) / connections / 1024
    last, cpu = [], server.cpu_seconds()
    for number in range(rounds):
        text = f"round-{number}-{secrets.token_hex(4)}".ljust(size, ".")
        told = [asyncio.ensure_future(client.until(text.encode())) for client in clients]
        await asyncio.sleep(0)
        begin = time.perf_counter()
        for client in clients:
            client.send(text)
        last.append((max(await asyncio.gather(*told)) - begin) * 1000)
    cpu = (server.cpu_seconds() - cpu) / rounds / connections * 1e6
    for client in clients:
        client.close()
    return Figures(cpu, statistics.median(last), memory)


async def users_with_jobs(settings: Settings, database: Database, count: int) -> dict[str, VideoJobRow]:
    """Make users with a job each; return the jobs by their owners' tokens."""
    found = {}
    for _ in range(count):
        caller = Caller(uuid4(), None)
        async with database.transaction() as session:
            await accounts.get_or_create_account(session, caller)
            created = await video_job_creation.create(session, caller, ASKED, catalogue(settings))
        found[sign(settings.token_policy(), caller, timedelta(hours=1))] = created.job
    return found


async def run(subscribers: int, rounds: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="lookreel-", ignore_cleanup_errors=True) as folder:
        settings = Settings(data_dir=Path(folder) / "data", streams_per_user=subscribers)
        environment = os.environ | {
            "DATA_DIR": str(settings.data_dir),
            "STREAMS_PER_USER": str(subscribers),
            # All of them come from one address, and the doors are to be no narrower than what is measured.
            "WEBSOCKETS_PER_ADDRESS": str(2 * subscribers),
            "CONNECTIONS": str(2 * subscribers),
            "LOG_LEVEL": "WARNING",
        }
        async with open_database(settings) as database:
            one = await users_with_jobs(settings, database, 1)
            many = await users_with_jobs(settings, database, subscribers // 5)
            scenarios = {}
            for name, users in (("all follow one job", one), ("five follow each job", many)):
                async with served("app.api", environment) as server:
                    scenarios[name] = await followed(server, database, users, subscribers, rounds)
        async with served("bench.echo", os.environ) as server:
            scenarios["bare echo of the same bytes"] = await echoed(server, subscribers, rounds, 190)
    _print(scenarios, subscribers)


def _print(scenarios: Mapping[str, Figures], subscribers: int) -> None:
    bare = scenarios["bare echo of the same bytes"]
    typer.echo(f"| {subscribers} connections | CPU a delivery | of the bare one | last delivery | memory each |")
    typer.echo("| --- | --- | --- | --- | --- |")
    for name, found in scenarios.items():
        ratio = f"{found.cpu / bare.cpu:.2f}"
        typer.echo(f"| {name} | {found.cpu:.0f} µs | {ratio} | {found.last:.0f} ms | {found.memory:.0f} KB |")


def main(
    subscribers: Annotated[int, typer.Option(help="How many connections")] = 5000,
    rounds: Annotated[int, typer.Option(help="How often every job changes")] = 10,
) -> None:
    """Measure."""
    uvloop.run(run(subscribers, rounds))


if __name__ == "__main__":
    typer.run(main)
