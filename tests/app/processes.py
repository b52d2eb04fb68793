"""Real processes of ours, started and ended as an operator would."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpx
import psutil

from app.settings import Settings
from tests.app.forks import fork
from tests.house import House, eventually
from tests.inspected import InspectedDatabase

LOOKREEL = str(Path(sys.executable).with_name("lookreel"))
OURS = ("DATABASE_URL", "JWT_", "DATA_DIR", "HOST", "PORT", "MOCK_", "LOG_", "METRICS_")
END_SECONDS = 30
COMMAND_SECONDS = 120

# An API process, and a house that it serves.
Server = tuple[House, psutil.Process]


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    """Return this process's environment with just these settings of ours."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return inherited | {name: str(value) for name, value in settings.items()}


def lookreel(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return fork(arguments, environment(settings), COMMAND_SECONDS)


class Running:
    """A command that goes on; its log goes to a file."""

    def __init__(self, command: Sequence[str], log: Path, settings: Mapping[str, object]) -> None:
        self._log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(command, env=environment(settings), stderr=output)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def apis(self) -> list[psutil.Process]:
        """List its API processes, one that was just killed aside."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):
                found += [child] if "app.api" in child.cmdline() else []
        return found

    async def address(self) -> str:
        """Return where `serve` says that it listens."""
        match = re.search(r"Playground: (http://\S+)/graphql", self.log)
        return match[1] if match else ""

    def kill(self) -> None:
        """Kill -9, as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait(END_SECONDS)

    def stop(self) -> int:
        """Ask it to end; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(END_SECONDS)


@contextmanager
def running(*arguments: str, log: Path, **settings: object) -> Iterator[Running]:
    """Run a command for as long as the context lasts."""
    with until_stopped(Running((LOOKREEL, *arguments), log, settings)) as command:
        yield command


@contextmanager
def until_stopped(command: Running) -> Iterator[Running]:
    """Stop it in the end, unless it has ended."""
    try:
        yield command
    finally:
        if command.process.poll() is None:
            command.stop()


@asynccontextmanager
async def api_process(settings: Settings, database: InspectedDatabase, folder: Path) -> AsyncIterator[Server]:
    """Run one API process on the tests' database, with a data folder of its own; yield a house that it serves."""
    environment = {
        "DATABASE_URL": settings.database_url,
        "DATA_DIR": folder,
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "LOG_LEVEL": "INFO",
        "PORT": 0,
    }
    with running("serve", "--no-worker", log=folder / "serve.log", **environment) as server:
        base_url = await eventually(server.address, bool)
        async with House.opened(settings, database, base_url) as house:
            await eventually(lambda: _is_up(house), bool)
            (api,) = server.apis()
            yield house, api


async def _is_up(house: House) -> bool:
    try:
        return (await house.http.get("/healthz")).is_success
    except httpx.TransportError:
        return False


async def processes_of(data_dir: Path) -> list[str]:
    """List what runs for a data folder, zombies aside."""
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            if str(data_dir) in " ".join(command) or process.environ().get("DATA_DIR") == str(data_dir):
                found.append(" ".join(command))
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            continue
    return found
