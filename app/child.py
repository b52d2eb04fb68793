"""A child process of the supervisor: how it starts, tells that it is ready, and ends.

Each has its own process group, so that a Ctrl-C in the terminal reaches the parent alone, and a pipe as stdin whose
write end only the parent holds, so that it sees EOF when the parent dies. It writes into another pipe once it is ready
(`app.parent`). Only the standard library is imported, which keeps the parent small.
"""

import asyncio
import contextlib
import logging
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from app.parent import READY_FD, SUPERVISED

logger = logging.getLogger("lookreel.supervisor")


@dataclass(frozen=True)
class Child:
    """One process to keep running.

    name is used in log lines; pass_fds stay open in the child under the same numbers, e.g. a listening socket that
    several children accept on; env is added to the parent's environment; one that waits is first started when another
    one is ready, or after 10 s; one that is told to end has grace_seconds for it.
    """

    name: str
    argv: tuple[str, ...]
    pass_fds: tuple[int, ...] = ()
    env: Mapping[str, str] | None = None
    waits: bool = False
    grace_seconds: float = 10.0


class ChildProcess:
    """A child that was started; `ready` is done once it has said so, `superseded` once another one took its place."""

    def __init__(self, child: Child, process: Process, ready: asyncio.Future[None]) -> None:
        loop = asyncio.get_running_loop()
        self.name = f"{child.name} (pid {process.pid})"
        self.started_at = loop.time()
        self.exited = asyncio.create_task(process.wait())
        self.ready = ready
        self.superseded: asyncio.Future[None] = loop.create_future()
        self._process = process
        self._grace_seconds = child.grace_seconds
        logger.info("%s started", self.name)

    @classmethod
    async def start(cls, child: Child) -> Self:
        """Start a process; OSError when there is no such program."""
        reader, writer = os.pipe()
        env = {**os.environ, **(child.env or {}), SUPERVISED: "1", READY_FD: str(writer)}
        try:
            process = await asyncio.create_subprocess_exec(
                *child.argv, stdin=PIPE, pass_fds=(*child.pass_fds, writer), env=env, process_group=0
            )
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        return cls(child, process, _first_byte(reader))

    @property
    def is_up(self) -> bool:
        """Whether it does what it is there for."""
        return self.ready.done() and not self.exited.done()

    async def end(self, at_once: asyncio.Future[None]) -> int:
        """Ask it to end; kill it after its time for that, or when at_once is done; return its exit code.

        The exit code of one that was killed is minus the number of the signal.
        """
        try:
            if not self.exited.done():
                # Not Process.send_signal: in Python 3.11 it may reap the process itself, whose exit code is then lost.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._process.pid, signal.SIGTERM)
                await first_of(self.exited, at_once, seconds=self._grace_seconds)
            if not self.exited.done():
                logger.warning("%s does not end: killing it", self.name)
        finally:
            # Also when this task is cancelled: whatever happens here, no process stays behind.
            self.kill()
        return await self.exited

    def kill(self) -> None:
        """Kill the process and what it started in its group, unless it has ended."""
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:  # it went over to another group
                os.kill(self._process.pid, signal.SIGKILL)


async def first_of(*futures: asyncio.Future[Any], seconds: float | None = None) -> None:
    """Wait until one of futures is done or seconds have passed; none of them is cancelled, even if this is."""
    await asyncio.wait(futures, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


def _first_byte(reader: int) -> asyncio.Future[None]:
    """Return what is done once something was written into the pipe, and never if it is closed before."""
    loop = asyncio.get_running_loop()
    written: asyncio.Future[None] = loop.create_future()

    def readable() -> None:
        loop.remove_reader(reader)
        if os.read(reader, 1):
            written.set_result(None)
        os.close(reader)

    loop.add_reader(reader, readable)
    return written
