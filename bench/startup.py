"""How long it takes from a command to the first answer.

`lookreel serve` on a data folder that is there, with its PostgreSQL, API process and worker, beside a bare FastAPI.
"""

import asyncio
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figures import Comparison, Effort, Failed, Section, at_most
from bench.harness import Harness, ended
from bench.requests import get

OURS = (sys.executable, "-c", "import sys; from app.launch import main; sys.argv = ['lookreel', 'serve']; main()")
MOST_SECONDS = 60.0
POLL_SECONDS = 0.002
GOOD = b"HTTP/1.1 200"


async def measure(harness: Harness, effort: Effort) -> Section:
    """Start both in turns; nothing is placed, as in use."""
    section = Section("Start", "From the start of the command to the first 200 of `/healthz`.")
    await _ours(harness.folder)
    pairs = [(await _ours(harness.folder), await _bare()) for _ in range(effort.rounds)]
    what = "`lookreel serve`, first 200"
    section.comparisons.append(Comparison(what, "bare FastAPI", "s", pairs, at_most(4)))
    return section


async def _ours(folder: Path) -> float:
    port = _free_port()
    settings = {"DATA_DIR": str(folder / "start"), "HOST": "127.0.0.1", "PORT": str(port), "LOG_LEVEL": "WARNING"}
    return await _seconds(OURS, settings, port)


async def _bare() -> float:
    port = _free_port()
    return await _seconds((sys.executable, "-m", "bench.peers.bare_fastapi", "--port", str(port)), {}, port)


async def _seconds(command: Sequence[str], settings: Mapping[str, str], port: int) -> float:
    """Start, wait for the first good answer, and end it again."""
    environment = Harness.inherited() | dict(settings)
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.DEVNULL)
    try:
        return await asyncio.to_thread(_first_answer, port) - began
    finally:
        await ended(process)


def _first_answer(port: int) -> float:
    """Try again and again; return when there was an answer, in seconds of `time.perf_counter`.

    Raises:
        Failed: there was none for too long.

    """
    deadline = time.perf_counter() + MOST_SECONDS
    while time.perf_counter() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), MOST_SECONDS) as connection:
                connection.sendall(get("/healthz").encode())
                if connection.recv(len(GOOD)) == GOOD:
                    return time.perf_counter()
        except OSError:
            time.sleep(POLL_SECONDS)
    raise Failed(f"No good answer on port {port}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
