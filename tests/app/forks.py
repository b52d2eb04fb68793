"""Commands in processes of their own that have loaded everything already: to load it takes far longer than most take.

What is loaded is `app.commands`, where `lookreel` itself comes by for whatever it does not do at once.
"""

import asyncio
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

from app.commands import main
from app.listening import listen
from worker import service

EXIT_SECONDS = 5.0

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    [
        *(__name__, "app.api", "app.demo", "app.doctor_database", "app.generators"),
        *("app.worker", "db.embedded.server", "db.migrations"),
    ]
)


def fork(arguments: tuple[str, ...], environment: Mapping[str, str], seconds: float) -> CompletedProcess[str]:
    """Run a command to its end.

    Raises:
        TimeoutError: it takes longer

    """
    with TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        command = _forks.Process(target=_become, args=(arguments, dict(environment), output, errors))
        command.start()
        command.join(seconds)
        if command.exitcode is None:
            command.kill()
            raise TimeoutError(f"{arguments} takes longer than {seconds} s")
        return CompletedProcess(arguments, command.exitcode, output.read_text(), errors.read_text())


class Forked:
    """An API process or a worker that goes on; its log, and the API's port, go to a file."""

    def __init__(self, target: Callable[[], None], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        self._process = _forks.Process(target=_start, args=(target, dict(environment), log), daemon=True)
        self._process.start()

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text() if self._log.exists() else ""

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    async def stop(self) -> tuple[int | None, str]:
        """Ask it to end, which it does soon; return the exit code, None if it did not, and the log."""
        self.signal(signal.SIGTERM)
        await asyncio.to_thread(self._process.join, EXIT_SECONDS)
        return self._process.exitcode, self.log

    def kill(self) -> None:
        """Kill -9."""
        self._process.kill()
        self._process.join()


def api() -> None:
    """Run as `python -m app.launch app.api` on a free port, which stands on the log's first line."""
    listener = listen("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)  # noqa: T201 - read by the test
    sys.argv = ["launch", "app.api", "--fd", str(listener.detach())]
    runpy.run_module("app.launch", run_name="__main__")


def worker() -> None:
    """Run as `python -m app.launch app.worker`."""
    sys.argv = ["launch", "app.worker"]
    runpy.run_module("app.launch", run_name="__main__")


def quick_worker() -> None:
    """Run a worker that takes over the jobs of one that was killed after 2 s rather than 10."""
    service.HEARTBEAT_TIMEOUT = timedelta(seconds=2)
    worker()


def _start(target: Callable[[], None], environment: Mapping[str, str], log: Path) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(output, number)
    os.environ.clear()
    os.environ.update(environment)
    target()


def _become(arguments: tuple[str, ...], environment: Mapping[str, str], *outputs: Path) -> None:
    for number, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["lookreel", *arguments]
    os.execv = _run_module  # type: ignore[assignment]
    main()


def _run_module(_python: str, arguments: Sequence[str]) -> None:
    """Go on as `python -m module`, with what is loaded already."""
    sys.argv = list(arguments[2:])
    runpy.run_module(arguments[2], run_name="__main__", alter_sys=True)
