"""A worker process: `python -m app.launch app.worker` makes videos until it is told to stop."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import uvloop
from prometheus_client import start_http_server

from app.allocator import M_ARENA_MAX, set_malloc
from app.environment import InvalidSettings
from app.metrics import Sampler
from app.parent import SUPERVISED, on_hangup, on_parent_death, tell_ready
from app.process import run_process, traced
from app.registry import catalogue, express_mode_notice, open_generators, policy_warnings
from app.settings import Settings
from app.wiring import open_database, open_storages, require_mode
from db.engine.database import Database
from resolvers.retention import Retention
from worker.context import WorkerContext
from worker.service import work

# By default, threads that handled large videos leave some 50 MB more behind at the peak.
ARENAS = 2

# Hundreds of jobs take turns, and nobody waits for an answer.
WAIT_SECONDS = 30.0

logger = logging.getLogger("lookreel.worker")


async def run(settings: Settings) -> None:
    """Work until SIGTERM, SIGINT, or the parent's death; jobs in progress go back to the queue where they stand."""
    if notice := express_mode_notice(settings):
        logger.warning(notice)
    for warning in policy_warnings(settings, settings.policy()):
        logger.warning("%s: %s", settings.policy_file, warning)
    with traced(settings, "worker"):
        await _run(settings)


async def _run(settings: Settings) -> None:
    async with (
        open_database(settings, "lookreel worker", wait_seconds=WAIT_SECONDS) as database,
        open_worker_context(settings, database) as working,
    ):
        await require_mode(database)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, working.stopping.set)
        on_hangup(lambda: logger.info("SIGHUP: ignored"), terminal_gone=working.stopping.set)
        on_parent_death(working.stopping.set)
        if settings.metrics_port is not None and os.environ.get(SUPERVISED) != "1":
            answer_metrics("127.0.0.1" if settings.has_unix_socket else settings.host, settings.metrics_port)
        sampling = asyncio.create_task(Sampler("worker", database).run())
        logger.info("Waiting for video jobs")
        tell_ready()
        try:
            await work(working)
        finally:
            sampling.cancel()


@asynccontextmanager
async def open_worker_context(settings: Settings, database: Database) -> AsyncIterator[WorkerContext]:
    """Yield what the worker works with, and close its connections afterwards."""
    storages = open_storages(settings)
    try:
        async with open_generators(settings) as generators:
            yield WorkerContext(
                database=database,
                generators=generators,
                storage=storages,
                catalogue=catalogue(settings),
                scratch=settings.scratch_folder,
                refund_failed_jobs=settings.refund_failed_jobs,
                stopping=asyncio.Event(),
                most_jobs=settings.generations_per_worker,
                retention=_retention(settings),
            )
    finally:
        await storages.aclose()


def _retention(settings: Settings) -> Retention:
    return Retention(
        jobs=_days(settings.retain_jobs_days),
        job_logs=_days(settings.retain_job_logs_days),
        queue_statistics=_days(settings.retain_queue_statistics_days),
        audit=_days(settings.retain_audit_days),
    )


def _days(number: int) -> timedelta | None:
    """Return so many days; 0 is for ever."""
    return timedelta(days=number) if number else None


def answer_metrics(host: str, port: int) -> None:
    """Answer scrapers from a thread; raises `InvalidSettings` where the address cannot be had."""
    try:
        start_http_server(port, host)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        message = f"METRICS_PORT: cannot listen on {host}:{port}: {why}. Give each worker of a machine its own."
        raise InvalidSettings(message) from None


def main() -> int:
    """Run one worker process; return its exit code."""
    set_malloc(M_ARENA_MAX, ARENAS)
    return run_process(run, uvloop.new_event_loop)
