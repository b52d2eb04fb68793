"""Children for the supervisor: small programs that note their pids in a file, and what watches them."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from app.child import Child
from app.supervisor import supervise

# Every child first appends its pid to the file named by its first argument.
HEAD = "import os, signal, socket, sys; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n')\n"
IDLE = HEAD + "while True: signal.pause()"
READY = HEAD + "os.write(int(os.environ['LOOKREEL_READY_FD']), b'.')\nwhile True: signal.pause()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + IDLE
# Takes its time to end, and says so only if it was not killed meanwhile.
TIDY = (
    """
import sys, time
def tidy(*_):
    time.sleep(0.2)
    open(sys.argv[1] + '.tidy', 'w').close()
    sys.exit()
import signal; signal.signal(signal.SIGTERM, tidy)
"""
    + IDLE
)
# The pid is the greeting; the connection stays in the hands of this child until the client closes it.
GREET = (
    HEAD
    + """
listener = socket.socket(fileno=int(sys.argv[2]))
while True:
    connection, _ = listener.accept()
    connection.sendall(str(os.getpid()).encode())
    connection.recv(1)
"""
)
LISTENING = """
import asyncio, os, sys, uvloop
from app.parent import on_parent_death

async def main():
    gone = asyncio.Event()
    on_parent_death(gone.set)
    open(sys.argv[1], 'a').write(f'{os.getpid()}\\n')
    await gone.wait()
    open(sys.argv[1] + '.gone', 'w').close()

LOOP.run(main())
"""
# Arguments: the scripts' pid files and the scripts, in pairs.
SUPERVISING = """
import asyncio, sys
from app.child import Child
from app.supervisor import supervise

pairs = zip(sys.argv[1::2], sys.argv[2::2])
children = [Child(str(n), (sys.executable, '-c', script, path)) for n, (path, script) in enumerate(pairs)]
sys.exit(asyncio.run(supervise(children)))
"""


def child(script: str, *arguments: object, pass_fds: tuple[int, ...] = ()) -> Child:
    argv = (sys.executable, "-c", script, *map(str, arguments))
    return Child(name="child", argv=argv, pass_fds=pass_fds)


def pids(path: Path) -> list[int]:
    if not path.exists():
        return []
    return [int(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def ended(pid: int) -> bool:
    # Whoever adopts an orphan may be slow to reap it.
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def until(check: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not check():  # noqa: ASYNC110 - what other processes do sets no event here
            await asyncio.sleep(0.01)


async def started(*paths: Path) -> list[int]:
    await until(lambda: all(pids(path) for path in paths))
    return [pids(path)[0] for path in paths]


@asynccontextmanager
async def supervised(*children: Child) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    running = asyncio.create_task(supervise(children, stop=stop))
    try:
        yield stop
    finally:
        stop.set()
        code = await running
    assert code == 0


@asynccontextmanager
async def supervising_process(*pairs: tuple[Path, str]) -> AsyncIterator[Process]:
    arguments = [str(part) for pair in pairs for part in pair]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SUPERVISING, *arguments)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        for path, _ in pairs:
            kill_all(pids(path))


def kill_all(left: list[int]) -> None:
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


async def greeted_by(listener: socket.socket) -> tuple[int, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    async with asyncio.timeout(10):
        return int(await reader.read(20)), writer


@pytest.fixture(autouse=True)
def no_child_left() -> Iterator[None]:
    before = psutil.Process().children()
    yield
    assert psutil.Process().children() == before
