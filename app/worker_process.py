"""What a worker process does; `app.worker` starts it."""

import asyncio
import ctypes
import logging
import signal
from contextlib import suppress

import uvloop

from app.hangup import on_terminal_gone
from app.parent import on_parent_death
from app.process import run_process
from app.settings import Settings
from app.wiring import open_database
from app.workshop import open_workshop
from worker.service import work

# mallopt(3): how many arenas glibc keeps freed memory in. By default eight for each core, each with what threads that
# handled large videos have left behind: some 50 MB more at the peak.
M_ARENA_MAX = -8
ARENAS = 2

# Hundreds of jobs take turns, and nobody waits for an answer.
WAIT_SECONDS = 30.0

logger = logging.getLogger("lookreel.worker")


async def run(settings: Settings) -> None:
    """Work until SIGTERM, SIGINT, or the parent's death; jobs in progress go back to the queue where they stand."""
    async with (
        open_database(settings, "lookreel worker", wait_seconds=WAIT_SECONDS) as database,
        open_workshop(settings, database) as shop,
    ):
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, shop.stopping.set)
        on_terminal_gone(shop.stopping.set)
        on_parent_death(shop.stopping.set)
        logger.info("Waiting for video jobs")
        await work(shop)


def bound_arenas() -> None:
    """Give freed memory back sooner, where the C library is glibc."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)


def main() -> int:
    """Run one worker process; return its exit code."""
    bound_arenas()
    return run_process(run, uvloop.new_event_loop)
