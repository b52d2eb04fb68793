"""The worker process: `python -m app.worker` makes videos until it is told to stop."""

import asyncio
import logging
import signal
import sys

import uvloop

from app.parent import on_parent_death
from app.process import run_process
from app.settings import Settings
from app.wiring import open_database, open_workshop
from worker.service import work

logger = logging.getLogger("lookreel.worker")


async def run(settings: Settings) -> None:
    """Work until SIGTERM, SIGINT, or the parent's death; jobs in progress go back to the queue where they stand."""
    async with open_database(settings) as database, open_workshop(settings, database) as shop:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, shop.stopping.set)
        on_parent_death(shop.stopping.set)
        logger.info("Waiting for video jobs")
        await work(shop)


if __name__ == "__main__":
    sys.exit(run_process(run, uvloop.new_event_loop))
