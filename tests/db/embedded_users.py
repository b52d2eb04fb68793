"""Programs that use the embedded server of a folder, and the processes that run for it."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from pathlib import Path
from db.embedded.server import embedded_server

with embedded_server(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.readline()
"""


class User:
    """A program using the server of a folder until told to leave."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            (sys.executable, "-c", PROGRAM, str(data_dir)),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def url(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> None:
        self.process.communicate("\n", timeout=20)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def wait_until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def alive(data_dir: Path) -> list[psutil.Process]:
    return guardians(data_dir) + postmasters(data_dir)


def guardians(data_dir: Path) -> list[psutil.Process]:
    return processes("db.embedded.guardian", str(data_dir))


def postmasters(data_dir: Path) -> list[psutil.Process]:
    return [process for process in processes("-D", str(data_dir / "postgres")) if process.info["name"] == "postgres"]


def pg_ctls(data_dir: Path) -> list[psutil.Process]:
    return processes("start", str(data_dir / "postgres"))


def processes(*arguments: str) -> list[psutil.Process]:
    wanted = set(arguments)
    return [
        process for process in psutil.process_iter(["name", "cmdline"]) if wanted <= set(process.info["cmdline"] or ())
    ]


def kill(processes: list[psutil.Process]) -> None:
    """Kill -9 and see it die: the signal is only on its way when `kill` returns."""
    processes[0].kill()
    wait_until(lambda: has_died(processes[0]))


def has_died(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def run(url: str, statement: str) -> Any:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            result = await connection.execute(sa.text(statement))
            return result.scalar() if result.returns_rows else None
    finally:
        await engine.dispose()
