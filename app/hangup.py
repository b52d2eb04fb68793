"""SIGHUP: no reason to end, unless it says that the terminal has gone from which a process is run."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable

_STANDARD_STREAMS = (0, 1, 2)

logger = logging.getLogger("lookreel")


def ignore_hangups() -> None:
    """Ignore SIGHUP from now on; `on_terminal_gone` is for a process that nobody supervises."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def on_terminal_gone(callback: Callable[[], None]) -> None:
    """Ignore SIGHUP in the running event loop, but call callback when it comes because our terminal was closed."""
    terminals = [number for number in _STANDARD_STREAMS if os.isatty(number)]

    def hung_up() -> None:
        # One that was closed is none any more.
        if all(map(os.isatty, terminals)):
            logger.info("SIGHUP: ignored")
        else:
            callback()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up)
