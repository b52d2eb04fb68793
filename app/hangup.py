"""SIGHUP: asks for something, or says that the terminal has gone from which a process is run."""

import asyncio
import os
import signal
from collections.abc import Callable

_STANDARD_STREAMS = (0, 1, 2)


def ignore_hangups() -> None:
    """Ignore SIGHUP from now on; `on_hangup` is for a process that nobody supervises."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


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
