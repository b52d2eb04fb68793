"""Keep the processes of `lookreel serve` running, as children of one light parent, and replace them on SIGHUP.

Only the parent decides about its children (`app.child`). Only the standard library is imported, which keeps it small.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence

from app.child import Child, ChildProcess, first_of
from app.parent import on_hangup

logger = logging.getLogger("lookreel.supervisor")

EX_CONFIG = 78
"""Exit code of a child which cannot run as configured and has said why: a restart would not help."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_FIRST_DELAY_SECONDS = 0.2
_LONGEST_DELAY_SECONDS = 5.0
_HOPELESS_DELAY_SECONDS = 30.0
_HEALTHY_SECONDS = 10.0
_QUICK_SECONDS = 2.0
_QUICK_FAILURES = 5
_SAME_REQUEST_SECONDS = 0.5
# A machine that is busy takes so long to load what the first child needs to say what is wrong with the settings.
_LONGEST_WAIT_SECONDS = 30.0
_LONGEST_START_SECONDS = 60.0


class _Ending:
    """What all keepers wait for: that a child has been ready, that everything is to end, and that it is at once."""

    def __init__(self, on_begin: Callable[[], None]) -> None:
        self.loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[int] = self.loop.create_future()
        self.at_once: asyncio.Future[None] = self.loop.create_future()
        self.any_ready: asyncio.Future[None] = self.loop.create_future()
        self._on_begin = on_begin
        self._signalled_at: float | None = None

    def note_ready(self, _: object) -> None:
        if not self.any_ready.done():
            self.any_ready.set_result(None)

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


class _Keeper:
    """Keeps one child running, by one process after another: `current`, or None between two."""

    def __init__(self, child: Child, ending: _Ending, keepers: Sequence["_Keeper"]) -> None:
        self.current: ChildProcess | None = None
        self._child = child
        self._ending = ending
        self._keepers = keepers
        self._record = Record()
        self._changing = asyncio.Lock()

    async def keep(self) -> None:
        """Run the child again and again until everything ends."""
        if self._child.waits:
            await first_of(self._ending.begun, self._ending.any_ready, seconds=_LONGEST_WAIT_SECONDS)
        while not self._ending.begun.done():
            try:
                current = await self._running()
            except OSError as error:
                await self._after_death(f"{self._child.name} could not be started: {error}", os.EX_OSERR, 0.0)
                continue
            await self._watch(current)
            if current is self.current:
                self.current = None
                code = current.exited.result()
                lived_seconds = self._ending.loop.time() - current.started_at
                await self._after_death(f"{current.name} ended with {_described(code)}", code, lived_seconds)

    async def replace(self) -> bool:
        """Have another process take the place of the one that runs as soon as it is ready; return whether it has."""
        ending = self._ending
        try:
            successor = await ChildProcess.start(self._child)
        except OSError as error:
            logger.error("%s could not be started: %s", self._child.name, error)  # noqa: TRY400 - says it all
            return False
        await first_of(successor.ready, successor.exited, ending.begun, seconds=_LONGEST_START_SECONDS)
        if ending.begun.done() or not successor.is_up:
            code = await successor.end(ending.at_once)
            logger.error("%s ended with %s before it was ready", successor.name, _described(code))
            return False
        async with self._changing:
            replaced, self.current = self.current, successor
        if replaced is not None:
            replaced.superseded.set_result(None)
            code = await replaced.end(ending.at_once)
            logger.info("%s ended with %s: replaced by %s", replaced.name, _described(code), successor.name)
        if ending.begun.done():  # perhaps too late for `keep` to see it
            await successor.end(ending.at_once)
        return True

    async def _running(self) -> ChildProcess:
        async with self._changing:
            if self.current is None:
                self.current = await ChildProcess.start(self._child)
                self.current.ready.add_done_callback(self._ending.note_ready)
            return self.current

    async def _watch(self, current: ChildProcess) -> None:
        """Wait until the process has ended, which it is made to when everything ends, or until it is superseded."""
        ending = self._ending
        try:
            await first_of(current.exited, current.superseded, ending.begun)
            if not current.superseded.done():
                await current.end(ending.at_once)
        except BaseException:
            current.kill()
            raise

    async def _after_death(self, how: str, code: int, lived_seconds: float) -> None:
        """End everything if a restart would not help and nothing else runs; else wait until it is time for one."""
        ending, record = self._ending, self._record
        if ending.begun.done():
            logger.info("%s", how)
            return
        record.add(code, lived_seconds)
        if code == EX_CONFIG:
            how += ", a configuration error"
        elif record.hopeless:
            how += f", the {record.quick_failures}th quick failure in a row"
        else:
            logger.warning("%s: restarting in %.1f s", how, record.delay_seconds)
            await first_of(ending.begun, seconds=record.delay_seconds)
            return
        if any(keeper.current is not None and keeper.current.is_up for keeper in self._keepers):
            logger.error("%s: the others go on, trying again in %.0f s", how, _HOPELESS_DELAY_SECONDS)
            await first_of(ending.begun, seconds=_HOPELESS_DELAY_SECONDS)
        else:
            logger.error("%s: stopping everything", how)
            ending.begin(EX_CONFIG if code == EX_CONFIG else 1)


async def supervise(
    children: Sequence[Child],
    *,
    stop: asyncio.Event | None = None,
    on_end: Callable[[], None] = lambda: None,
) -> int:
    """Run children, restarting those that die, until SIGTERM, SIGINT or stop; return the exit code for this process.

    0: asked to stop. 78: a child exited with 78 while no other was ready. 1: a child failed within 10 s of its start,
    or was killed within 2 s, 5 times in a row, while no other was ready.
    on_end is called first of all, when no child is started any more. To stop, each child gets SIGTERM and, if it still
    runs after its grace_seconds or when a second signal comes (0.5 s or more after the first), SIGKILL with its
    process group. SIGHUP does the same where it says that the terminal has gone; else it replaces the children one by
    one, each when its successor is ready, and stops at one whose successor cannot start.
    No child is left when this returns or raises.
    Needs the main thread and asyncio's own event loop: uvloop cannot start a process in its own group.
    """
    ending, hung_up = _Ending(on_end), asyncio.Event()
    with _signals_handled(ending, hung_up):
        keepers: list[_Keeper] = []
        keepers += (_Keeper(child, ending, keepers) for child in children)
        asked = asyncio.create_task((stop or asyncio.Event()).wait())
        tasks = [asyncio.create_task(keeper.keep()) for keeper in keepers]
        replacing = asyncio.create_task(_replace_on(hung_up, keepers, ending))
        try:
            await first_of(asked, ending.begun, replacing, *tasks)
        finally:
            asked.cancel()
            ending.begin(0)
            hung_up.set()
            await asyncio.wait({asked, replacing, *tasks})
    for task in (*tasks, replacing):
        task.result()
    return ending.begun.result()


async def _replace_on(hung_up: asyncio.Event, keepers: Sequence[_Keeper], ending: _Ending) -> None:
    """Replace all children each time that this was asked for, until everything ends."""
    while await hung_up.wait() and not ending.begun.done():
        hung_up.clear()
        logger.info("SIGHUP: replacing the processes one by one")
        for keeper in keepers:
            if not await keeper.replace():
                logger.error("The processes that have not been replaced go on as they are")
                break
        else:
            logger.info("All processes are replaced")


@contextlib.contextmanager
def _signals_handled(ending: _Ending, hung_up: asyncio.Event) -> Iterator[None]:
    for number in _SIGNALS:
        ending.loop.add_signal_handler(number, ending.on_signal, number)
    on_hangup(hung_up.set, terminal_gone=lambda: ending.on_signal(signal.SIGHUP))
    try:
        yield
    finally:
        for number in (*_SIGNALS, signal.SIGHUP):
            ending.loop.remove_signal_handler(number)


def _described(code: int) -> str:
    """Name an exit code, or the signal if it is negative."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # the real-time signals have no names of their own
        return f"signal {-code}"
