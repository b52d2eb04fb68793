"""Where the runs take place: a database of its own, servers that are started for them, and tokens for its users."""

import asyncio
import http.client
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from uuid import UUID

import psutil
from sqlalchemy.engine import URL

from app.listening import listen
from app.parent import SUPERVISED
from auth.caller import Caller
from auth.policy import TokenPolicy
from auth.tokens import sign
from bench.figures import Failed
from bench.load import cpu_seconds
from bench.places import CLIENT, SERVER, pin
from db import migrations
from db.embedded.server import embedded_server
from tests.inspected import InspectedDatabase

POOL_SIZE = 10
END_SECONDS = 20.0
ANSWER_SECONDS = 60.0
TOKENS_LAST = timedelta(hours=2)
# What this process was told about an installation of its own is not for the servers.
OURS = ("DATABASE_", "JWT_", "DATA_DIR", "GOOGLE_", "VEO_", "CLOUDINARY_", "GRAPHQL_", "LOG_", "HOST", "PORT", "PG")


class Server(NamedTuple):
    """Where a server listens, and its process's id."""

    port: int
    process: int


@dataclass(frozen=True)
class Harness:
    """One PostgreSQL server for all. `environment` is what every server gets, with a pool of as many connections."""

    folder: Path
    database: InspectedDatabase
    secret: str

    def environment(self, database: str | None = None) -> dict[str, str]:
        """Return a server's environment: our settings, and the same for the peers."""
        url = self.url(database)
        return self.inherited() | {
            "DATABASE_URL": url.render_as_string(hide_password=False),
            "DATABASE_POOL_SIZE": str(POOL_SIZE),
            "DATA_DIR": str(self.folder / "ours"),
            "JWT_SECRET_KEY": self.secret,
            "LOG_LEVEL": "WARNING",
            "PGHOST": str(url.query["host"]),
            "PGPORT": str(url.query["port"]),
            "PGUSER": str(url.username),
            "PGDATABASE": str(url.database),
        }

    @staticmethod
    def inherited() -> dict[str, str]:
        """Return this process's environment without any installation's settings."""
        return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}

    def url(self, database: str | None = None) -> URL:
        """Return the address of a database of the server."""
        return self.database.url if database is None else self.database.url.set(database=database)

    def token(self, user_id: UUID) -> str:
        """Sign a token for a user."""
        return sign(TokenPolicy("HS256", self.secret), Caller(user_id, None), TOKENS_LAST)


@asynccontextmanager
async def open_harness() -> AsyncIterator[Harness]:
    """Set up in a folder that goes again."""
    with TemporaryDirectory(prefix="lookreel-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with embedded_server(folder / "data") as url:
            _place_server(folder)
            database = InspectedDatabase(url)
            await migrations.upgrade(database.server.url)
            try:
                yield Harness(folder, database, secrets.token_urlsafe(48))
            finally:
                await database.close()


def _place_server(folder: Path) -> None:
    """Put PostgreSQL in its place; the processes that it starts for its clients come along."""
    for process in postgres(folder):
        pin(CLIENT, process.pid)


def postgres(folder: Path) -> list[psutil.Process]:
    """Return the processes of the server, the one that has started the others first."""
    lines = (folder / "data" / "postgres" / "postmaster.pid").read_text().splitlines()
    server = psutil.Process(int(lines[0]))
    return [server, *server.children()]


def postgres_seconds(folder: Path) -> float:
    """Return how much processor time the server has used; of its processes that have ended, the first one has it."""
    server, *others = postgres(folder)
    of_ended = server.cpu_times().children_user + server.cpu_times().children_system
    return float(of_ended + sum(cpu_seconds(process.pid) for process in (server, *others)))


@asynccontextmanager
async def module(name: str, environment: Mapping[str, str]) -> AsyncIterator[Server]:
    """Run `python -m name --fd N` as a server."""
    with bound() as listener:
        command = (sys.executable, "-m", *launched(name), "--fd", str(listener.fileno()))
        async with serving(listener, command, environment) as server:
            yield server


def launched(module: str) -> tuple[str, ...]:
    """Return what Python runs for a module; ours are launched as in production."""
    return ("app.launch", module) if module.startswith("app.") else (module,)


@contextmanager
def bound() -> Iterator[socket.socket]:
    """Bind a free port of this machine's own address; whoever connects waits until the server is there."""
    listener = listen("127.0.0.1", 0)
    try:
        yield listener
    finally:
        listener.close()


@asynccontextmanager
async def serving(
    listener: socket.socket, command: Sequence[str], environment: Mapping[str, str]
) -> AsyncIterator[Server]:
    """Run a server on a bound socket, on its own core, for as long as the context lasts."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=dict(environment) | {SUPERVISED: "1"},
        pass_fds=[listener.fileno()],
        stdin=asyncio.subprocess.PIPE,
    )
    pin(SERVER, process.pid)
    try:
        yield Server(listener.getsockname()[1], process.pid)
    finally:
        await ended(process)


async def ended(process: asyncio.subprocess.Process) -> None:
    """Ask a process of ours to end, and see that it does."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), END_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


class Answer(NamedTuple):
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def ask(port: int, request: str) -> Answer:
    """Send one request and read its answer, however long the server takes to start."""
    return await asyncio.to_thread(_ask, port, request.encode("latin-1"))


def _ask(port: int, request: bytes) -> Answer:
    with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        try:
            response.begin()
        except OSError as error:
            raise Failed(f"Nobody answers on port {port}") from error
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())
