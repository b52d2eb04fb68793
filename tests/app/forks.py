"""Commands in processes of their own that have loaded everything already: to load it takes far longer than most take.

What is loaded is `app.commands`, where `lookreel` itself comes by for whatever it does not do at once.
"""

import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

from app.commands import main

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    [
        *(__name__, "app.demo", "app.doctor_database", "app.generators", "app.worker_context"),
        *("db.embedded.server", "db.migrations"),
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
    runpy.run_module(arguments[2], run_name="__main__", alter_sys=True)
