"""The child's side of the supervisor: notice that the parent is gone, even after a kill -9."""

import asyncio
import os
from collections.abc import Callable

SUPERVISED = "LOOKREEL_SUPERVISED"
"""Name of the environment variable which the supervisor sets to "1" for its children."""

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Name of the environment variable by which the Prometheus library knows where all processes' numbers are."""

_STDIN = 0
_CHUNK_BYTES = 4096


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
