"""The worker process: takes jobs from PgQueuer, runs many at once, and survives a lost database."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pgqueuer import AsyncpgDriver, PgQueuer
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job

from db import queue
from db.engine.error_names import errors_named
from db.engine.errors import DatabaseUnavailable
from resolvers.ports import GenerationFailed, GeneratorMisconfigured
from worker import measures
from worker.context import HandedOver, WorkerContext
from worker.housekeeping import SIGN_OF_LIFE_SECONDS, give_sign_of_life, now_and_then, run_maintenance
from worker.polling import wait_for_video
from worker.run import Later, Run, Superseded, cancel_if_unwanted
from worker.storing import keep
from worker.submitting import submit
from worker.troubles import QueueIncomplete, WatchedQueries, is_outage, quiet_about_loss, report_queue

# A killed worker's jobs are taken over after this long without a sign of life.
HEARTBEAT_TIMEOUT = timedelta(seconds=10)
# PgQueuer does not wake idle workers for a job that another one gave back; this is how soon they look by themselves.
DEQUEUE_TIMEOUT = timedelta(seconds=5)
# How many jobs are taken in one statement. It goes through all that are held, so with thousands of them a small batch
# costs much; and PgQueuer writes signs of life down in batches of the square of this.
BATCH = 100
# After an outage the queue is tried at least as often as this; after a fault of ours, as the retry policy says.
LONGEST_RECONNECT_SECONDS = 5.0
# What ends the reading of the queue after so long is the first trouble of its kind.
STABLE_SECONDS = 60.0

logger = logging.getLogger("lookreel.worker")


async def work(context: WorkerContext) -> None:
    """Take and run jobs until `context.stopping` is set, then give back those in progress.

    A job is given back where it stands: the next worker goes on from the row, and nothing is submitted again.
    """
    housekeeping = asyncio.create_task(run_maintenance(context))
    failures = 0
    try:
        while not context.stopping.is_set():
            began = time.monotonic()
            try:
                await _work_while_connected(context)
            except Exception as error:  # noqa: BLE001 - whatever it is, the queue is read anew on a new connection
                failures = 1 if time.monotonic() - began > STABLE_SECONDS else failures + 1
                seconds = context.retry_policy.retry_seconds(failures)
                if is_outage(error):
                    seconds = min(seconds, LONGEST_RECONNECT_SECONDS)
                report_queue(error, seconds)
                with suppress(HandedOver):
                    await context.pause(seconds)
    finally:
        housekeeping.cancel()
        with suppress(asyncio.CancelledError):
            await housekeeping


async def _work_while_connected(context: WorkerContext) -> None:
    async with context.database.transaction() as transaction:
        await queue.require_tables(transaction)
    with errors_named(ConnectionError):
        async with context.database.raw_connection() as connection:
            with quiet_about_loss(connection):
                await _run_queue(context, connection)


async def _run_queue(context: WorkerContext, connection: asyncpg.Connection) -> None:
    letting_go = asyncio.Event()
    connection.add_termination_listener(lambda _connection: letting_go.set())
    shift = replace(context, stopping=letting_go)
    driver = AsyncpgDriver(connection)
    pgqueuer = PgQueuer(driver, queries=WatchedQueries(driver, on_failure=letting_go.set))
    try:
        await pgqueuer.qm.verify_structure()
    except RuntimeError as error:  # else raised by `run`, where it might be any fault's
        raise QueueIncomplete(str(error)) from error

    @pgqueuer.entrypoint(queue.GENERATE_VIDEO, concurrency_limit=context.catalogue.generations_at_once)
    async def generate_video(job: Job) -> None:
        await generate(shift, UUID((job.payload or b"").decode()))

    # Whatever ends PgQueuer's loop, it waits for its handlers then, for as long as a video takes, and begins with no
    # other job: so they let go of theirs. A worker that does not get as far as here gives no sign of life.
    async with _beside(
        _set_after(context.stopping, pgqueuer.shutdown),
        _set_after(pgqueuer.shutdown, letting_go),
        now_and_then(SIGN_OF_LIFE_SECONDS, give_sign_of_life, context),
    ):
        await pgqueuer.run(
            dequeue_timeout=DEQUEUE_TIMEOUT,
            # PgQueuer takes no batch of more than half of what it may hold.
            batch_size=min(BATCH, context.most_jobs // 2),
            max_concurrent_tasks=context.most_jobs,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            shutdown_on_listener_failure=True,
        )


@asynccontextmanager
async def _beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def _set_after(first: asyncio.Event, second: asyncio.Event) -> None:
    await first.wait()
    second.set()


async def generate(context: WorkerContext, job_id: UUID) -> None:
    """See one job through to its end, or hand it back to the queue.

    Raises RetryRequested when another worker, or this one later, is to go on with it.
    """
    run: Run | None = None
    soon = timedelta(seconds=context.retry_policy.first_retry_seconds)
    try:
        run = await _begun(context, job_id)
        await _run_to_the_end(run)
    except Superseded:
        logger.info("Video job %s has ended or is followed by another worker", job_id)
        await cancel_if_unwanted(context, job_id, run.job if run else None)
    except HandedOver as handed_over:
        raise RetryRequested(delay=timedelta(0), reason="the worker is stopping") from handed_over
    except Later as later:
        raise RetryRequested(delay=timedelta(seconds=later.seconds), reason=str(later)) from None
    except DatabaseUnavailable as error:
        raise RetryRequested(delay=soon, reason=str(error)) from error
    except Exception:
        # PgQueuer keeps an exception's text with the job. One that it cannot keep would stop all of this worker's.
        logger.exception("A fault has stopped video job %s, which goes back to the queue", job_id)
        raise RetryRequested(delay=soon, reason="a fault of ours") from None


async def _begun(context: WorkerContext, job_id: UUID) -> Run:
    async with context.starting_room:
        if context.stopping.is_set():
            raise HandedOver
        return await Run.of(context, job_id)


async def see_through(run: Run) -> None:
    """Submit the job unless it was, wait for the video, keep it; the errors are those of the three steps."""
    is_new = run.job.operation_name is None
    with measures.step("submit"):
        operation_name = await submit(run)
    if is_new:
        measures.begun(run.job)
    with measures.step("generate"):
        generated = await wait_for_video(run, operation_name)
    with measures.step("store"):
        await keep(run, generated)


async def _seen_through(run: Run) -> None:
    try:
        await see_through(run)
    except GenerationFailed as failure:
        is_our_fault = isinstance(failure, GeneratorMisconfigured)
        await run.fail(failure.code, failure.message, is_our_fault=is_our_fault)


async def _run_to_the_end(run: Run) -> None:
    try:
        await _seen_through(run)
    except (Superseded, HandedOver, Later, DatabaseUnavailable):
        raise
    except Exception as fault:  # a fault of ours must neither lose the job nor stop the others
        retry_policy = run.context.retry_policy
        faults = await run.note_fault("A fault on our side interrupted the generation, trying again")
        logger.exception("A fault has stopped a video job, for the %s. time of %s", faults, retry_policy.most_faults)
        if faults < retry_policy.most_faults:
            raise Later(retry_policy.retry_seconds(faults + 1), str(fault)) from fault
        await run.fail("INTERNAL_ERROR", "The video could not be made because of a fault on our side.")
