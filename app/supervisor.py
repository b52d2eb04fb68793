"""Keep the processes of `lookreel serve` running, as children of one light parent.

Only the parent decides about its children: each has its own process group, so a Ctrl-C in the terminal reaches the
parent alone, and each has a pipe as stdin whose write end only the parent holds, so it sees EOF when the parent dies
(`app.parent.on_parent_death`). Only the standard library is imported, which keeps the parent small.
"""

import asyncio
import contextlib
import logging
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.hangup import on_terminal_gone
from app.parent import SUPERVISED

logger = logging.getLogger("lookreel.supervisor")

EX_CONFIG = 78
"""Exit code of a child which cannot run as configured and has said why: a restart would not help."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_FIRST_DELAY_SECONDS = 0.2
_LONGEST_DELAY_SECONDS = 5.0
_HEALTHY_SECONDS = 10.0
_QUICK_SECONDS = 2.0
_QUICK_FAILURES = 5
_SAME_REQUEST_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 10.0


@dataclass(frozen=True)
class Child:
    """One process to keep running.

    name is used in log lines; pass_fds stay open in the child under the same numbers, e.g. a listening socket that
    several children accept on; env is added to the parent's environment; the first start waits until after is done,
    10 s at most.
    """

    name: str
    argv: tuple[str, ...]
    pass_fds: tuple[int, ...] = ()
    env: Mapping[str, str] | None = None
    after: asyncio.Future[None] | None = None


class _Ending:
    """Whether everything is to end, with which exit code, and how much time is left for it."""

    def __init__(self, grace_seconds: float, on_begin: Callable[[], None]) -> None:
        self.loop = asyncio.get_running_loop()
        self.grace_seconds = grace_seconds
        self.begun: asyncio.Future[int] = self.loop.create_future()
        self.at_once: asyncio.Future[None] = self.loop.create_future()
        self._on_begin = on_begin
        self._signalled_at: float | None = None

    def begin(self, code: int) -> None:
        """End everything; the first code given is the one that counts."""
        if not self.begun.done():
            self._on_begin()
            self.begun.set_result(code)

    def on_signal(self, number: signal.Signals) -> None:
        """Begin at the first signal, stop waiting at the second."""
        now = self.loop.time()
        if self._signalled_at is None:
            logger.info("%s: stopping; once more to kill", number.name)
            self._signalled_at = now
            self.begin(0)
        # timeout(1) and the like signal both the process and its group: one request that arrives twice.
        elif now - self._signalled_at >= _SAME_REQUEST_SECONDS and not self.at_once.done():
            logger.warning("%s again: killing what is left", number.name)
            self.at_once.set_result(None)


class Record:
    """How one child has fared: how long to wait before the next start, and how often it failed at once."""

    def __init__(self) -> None:
        self.delay_seconds = _FIRST_DELAY_SECONDS
        self.quick_failures = 0
        self._next_delay = _FIRST_DELAY_SECONDS

    @property
    def hopeless(self) -> bool:
        """Whether it failed at once too often in a row to be worth another start."""
        return self.quick_failures >= _QUICK_FAILURES

    def add(self, code: int, lived_seconds: float) -> None:
        """Take in one death: the delay doubles each time, and starts over once the child lived long enough."""
        # One that fails by itself may take a while to find out why; one that was killed has not failed.
        quick_failure = code != 0 and lived_seconds < (_HEALTHY_SECONDS if code > 0 else _QUICK_SECONDS)
        self.quick_failures = self.quick_failures + 1 if quick_failure else 0
        self.delay_seconds = _FIRST_DELAY_SECONDS if lived_seconds >= _HEALTHY_SECONDS else self._next_delay
        self._next_delay = min(self.delay_seconds * 2, _LONGEST_DELAY_SECONDS)


async def supervise(
    children: Sequence[Child],
    *,
    stop: asyncio.Event | None = None,
    on_end: Callable[[], None] = lambda: None,
    grace_seconds: float = 10.0,
) -> int:
    """Run children, restarting those that die, until SIGTERM, SIGINT or stop; return the exit code for this process.

    0: asked to stop. 78: a child exited with 78. 1: a child failed within 10 s of its start, or was killed
    within 2 s, 5 times in a row.
    on_end is called first of all, when no child is started any more. SIGHUP stops nothing, unless it says that the
    terminal has gone. To stop, each child gets SIGTERM and, if it still runs after grace_seconds or when a second
    signal comes (0.5 s or more after the first), SIGKILL together with its process group. No child is left when this
    returns or raises.
    Needs the main thread and asyncio's own event loop: uvloop cannot start a process in its own group.
    """
    ending = _Ending(grace_seconds, on_end)
    with _signals_handled(ending):
        asked = asyncio.create_task((stop or asyncio.Event()).wait())
        keepers = [asyncio.create_task(_keep(child, ending)) for child in children]
        try:
            await _first_of(asked, ending.begun, *keepers)
        finally:
            asked.cancel()
            ending.begin(0)
            await asyncio.wait({asked, *keepers})
    for keeper in keepers:
        keeper.result()
    return ending.begun.result()


@contextlib.contextmanager
def _signals_handled(ending: _Ending) -> Iterator[None]:
    for number in _SIGNALS:
        ending.loop.add_signal_handler(number, ending.on_signal, number)
    on_terminal_gone(lambda: ending.on_signal(signal.SIGHUP))
    try:
        yield
    finally:
        for number in (*_SIGNALS, signal.SIGHUP):
            ending.loop.remove_signal_handler(number)


async def _keep(child: Child, ending: _Ending) -> None:
    """Run child again and again until everything ends."""
    record = Record()
    if child.after is not None:
        await _first_of(ending.begun, child.after, seconds=_LONGEST_WAIT_SECONDS)
    while not ending.begun.done():
        started = ending.loop.time()
        try:
            process = await _start(child)
        except OSError as error:
            code, how = os.EX_OSERR, f"{child.name} could not be started: {error}"
        else:
            code = await _run(child, process, ending)
            how = f"{child.name} (pid {process.pid}) ended with {_described(code)}"
        if ending.begun.done():
            logger.info("%s", how)
            return
        record.add(code, ending.loop.time() - started)
        await _after_death(how, code, record, ending)


async def _after_death(how: str, code: int, record: Record, ending: _Ending) -> None:
    """End everything if a restart would not help; else wait until it is time for one."""
    if code == EX_CONFIG:
        logger.error("%s, a configuration error: stopping everything", how)
        ending.begin(EX_CONFIG)
    elif record.hopeless:
        logger.error("%s, the %dth quick failure in a row: giving up", how, record.quick_failures)
        ending.begin(1)
    else:
        logger.warning("%s: restarting in %.1f s", how, record.delay_seconds)
        await _first_of(ending.begun, seconds=record.delay_seconds)


async def _first_of(*futures: asyncio.Future[Any], seconds: float | None = None) -> None:
    """Wait until one of futures is done or seconds have passed; none of them is cancelled, even if this is."""
    await asyncio.wait(futures, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


async def _start(child: Child) -> Process:
    env = {**os.environ, **(child.env or {}), SUPERVISED: "1"}
    return await asyncio.create_subprocess_exec(
        *child.argv, stdin=PIPE, pass_fds=child.pass_fds, env=env, process_group=0
    )


async def _run(child: Child, process: Process, ending: _Ending) -> int:
    """Return the exit code of process, minus the number of the signal that killed it; stop it if everything ends."""
    logger.info("%s (pid %d) started", child.name, process.pid)
    exited = asyncio.create_task(process.wait())
    try:
        await _first_of(exited, ending.begun)
        if not exited.done():
            _terminate(process)
            await _first_of(exited, ending.at_once, seconds=ending.grace_seconds)
        if not exited.done():
            logger.warning("%s (pid %d) does not end: killing it", child.name, process.pid)
    finally:
        # Also when this task is cancelled: whatever happens here, no process stays behind.
        if process.returncode is None:
            _kill(process)
    return await exited


# Not Process.send_signal: in Python 3.11 it may reap the process itself, and its exit code is then lost.
def _terminate(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)


def _kill(process: Process) -> None:
    """Kill the process and what it started in its group."""
    with contextlib.suppress(ProcessLookupError):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:  # it went over to another group
            os.kill(process.pid, signal.SIGKILL)


def _described(code: int) -> str:
    """Name an exit code, or the signal if it is negative."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # the real-time signals have no names of their own
        return f"signal {-code}"
