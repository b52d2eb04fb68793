"""The child's side of the supervisor: tell when it is ready, notice that the parent is gone, even after a kill -9.

And SIGHUP: it asks for something, or says that the terminal has gone from which a process is run.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

SUPERVISED = "LOOKREEL_SUPERVISED"
"""Name of the environment variable which the supervisor sets to "1" for its children."""

READY_FD = "LOOKREEL_READY_FD"
"""Name of the environment variable with the descriptor to which a child writes once it is ready."""

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Name of the environment variable by which the Prometheus library knows where all processes' numbers are."""

_STDIN = 0
_CHUNK_BYTES = 4096


def tell_ready() -> None:
    """Tell the supervisor, if there is one, that this process does from now on what it is there for."""
    if (number := os.environ.pop(READY_FD, None)) is not None:
        with suppress(BrokenPipeError):  # it has gone
            os.write(int(number), b"\n")
        os.close(int(number))


def on_parent_death(callback: Callable[[], None]) -> None:
    """Call callback in the running event loop once stdin reaches EOF, if the supervisor started this process.

    Otherwise nothing happens. Calling it again replaces the callback.
    Raises RuntimeError in a supervised process without a running event loop.
    """
    if os.environ.get(SUPERVISED) != "1":
        return
    loop = asyncio.get_running_loop()

    def readable() -> None:
        # The parent never writes, but a stray byte must not be taken for its death.
        if os.read(_STDIN, _CHUNK_BYTES):
            return
        loop.remove_reader(_STDIN)
        callback()

    loop.add_reader(_STDIN, readable)


_STANDARD_STREAMS = (0, 1, 2)


def on_hangup(callback: Callable[[], None], *, terminal_gone: Callable[[], None]) -> None:
    """Call callback on SIGHUP in the running event loop, or terminal_gone where our terminal was closed."""
    terminals = [number for number in _STANDARD_STREAMS if os.isatty(number)]

    def hung_up() -> None:
        # One that was closed is none any more.
        if all(map(os.isatty, terminals)):
            callback()
        else:
            terminal_gone()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up)
