"""What stops a worker's loops is told as what it is: an outage in a line, a fault of ours with its traceback."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from pgqueuer import Queries
from pgqueuer.errors import FailingListenerError
from sqlalchemy import text

from app.settings import Settings
from db.engine.errors import DatabaseNotMigrated, DatabaseUnavailable
from db.enums import VideoJobStatus
from resolvers.ports import StorageUnavailable
from tests.house import House, eventually
from tests.worker.scripted import ScriptedGenerator
from tests.worker.test_generate import HASTE, context
from tests.workers import at_work
from worker.context import WorkerContext
from worker.housekeeping import inspect_queue, run_maintenance
from worker.troubles import is_outage

OURS = ("lookreel.worker", "pgqueuer")


def told(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what an operator reads of trouble."""
    return [record for record in caplog.records if record.name in OURS and record.levelno >= logging.WARNING]


async def lines(caplog: pytest.LogCaptureFixture, number: int, *, of: str) -> list[logging.LogRecord]:
    """Wait for so many records with that text."""

    async def found() -> list[logging.LogRecord]:
        return [record for record in told(caplog) if of in record.getMessage()]

    return await eventually(found, lambda records: len(records) >= number)


OUTAGES = [
    DatabaseUnavailable(),
    DatabaseNotMigrated(),
    FailingListenerError(),
    ConnectionRefusedError(111, "Connection refused"),
    ConnectionResetError(104, "Connection reset by peer"),
    FileNotFoundError(2, "No such file or directory"),  # the embedded server's socket
    TimeoutError(),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.DiskFullError("could not extend file"),
    asyncpg.InvalidPasswordError("password authentication failed"),
    asyncpg.InvalidCatalogNameError('database "x" does not exist'),
    asyncpg.ReadOnlySQLTransactionError("cannot execute UPDATE in a read-only transaction"),
]
FAULTS = [
    KeyError("slot"),
    ZeroDivisionError("division by zero"),
    RuntimeError("max_concurrent_tasks must be at least twice the batch size."),
    asyncpg.DivisionByZeroError("division by zero"),
    asyncpg.UniqueViolationError("duplicate key value violates unique constraint"),
    asyncpg.PostgresSyntaxError("syntax error"),
    asyncpg.DataError("invalid input for query argument $1"),
]


def named(error: Exception) -> str:
    return type(error).__name__


def stop_queue(monkeypatch: pytest.MonkeyPatch, errors: Iterable[Exception]) -> None:
    """Let PgQueuer fail with each of these errors when it takes jobs."""
    take, left = Queries.dequeue, iter(errors)

    async def dequeue(*arguments: Any, **values: Any) -> Any:
        for error in left:
            raise error
        return await take(*arguments, **values)

    monkeypatch.setattr(Queries, "dequeue", dequeue)


async def test_each_outage_is_one_line(
    house: House, settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_queue(monkeypatch, OUTAGES)

    async with at_work(settings, house.database, retry_policy=HASTE):
        job = await house.finished(await house.create(await house.user()))

    assert job.status == VideoJobStatus.SUCCEEDED
    assert [named(error) for error in OUTAGES if not is_outage(error)] == []
    seen = zip(OUTAGES, told(caplog), strict=True)
    lines = [(named(error), record.levelname, record.exc_info, record.getMessage()) for error, record in seen]
    assert [line for line in lines if line[1:3] != ("WARNING", None)] == []
    assert [line for line in lines if "The queue cannot be reached, trying again in" not in line[3]] == []


async def test_each_fault_of_ours_is_told_with_its_traceback_and_lets_the_queue_rest_for_longer(
    house: House, settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_queue(monkeypatch, FAULTS)
    retry_policy = replace(HASTE, first_retry_seconds=0.01, longest_retry_seconds=0.04)

    async with at_work(settings, house.database, retry_policy=retry_policy):
        job = await house.finished(await house.create(await house.user()))

    assert job.status == VideoJobStatus.SUCCEEDED
    records = told(caplog)
    assert [record.exc_info and record.exc_info[1] for record in records] == FAULTS
    assert {record.levelname for record in records} == {"ERROR"}
    assert all("A fault of ours has stopped the queue" in record.getMessage() for record in records)
    assert [record.args for record in records] == [(0.01,), (0.02,), *[(0.04,)] * (len(FAULTS) - 2)]
    assert [named(error) for error in FAULTS if f"{named(error)}: " not in caplog.text] == []
    assert caplog.text.count("raise error") >= len(FAULTS)


@pytest.mark.usefixtures("hurried")
async def test_a_worker_that_cannot_take_jobs_any_more_says_so_at_once_and_gives_back_those_that_it_holds(
    house: House, settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = settings.model_copy(update={"mock_seconds": 3600.0})
    job_id = await house.create(await house.user())
    retry_policy = replace(HASTE, first_retry_seconds=60, longest_retry_seconds=60)

    async with at_work(slow, house.database, retry_policy=retry_policy):
        await eventually(lambda: house.job(job_id), lambda job: job.status == VideoJobStatus.RUNNING)
        stop_queue(monkeypatch, itertools.repeat(KeyError("slot")))
        await lines(caplog, 1, of="A fault of ours has stopped the queue")
        given_back = await status_in_queue(house)

    assert given_back == ["queued"]


async def status_in_queue(house: House) -> list[str]:
    async with house.database.session() as session:
        return list(await session.scalars(text("SELECT status FROM pgqueuer")))


async def test_a_lost_connection_is_one_line_however_many_jobs_are_held(
    house: House, settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.service.HEARTBEAT_TIMEOUT", timedelta(seconds=1))
    jobs = [await house.create(await house.user()) for _ in range(12)]
    async with at_work(settings.model_copy(update={"mock_seconds": 2.0}), house.database):
        await eventually(lambda: running(house), lambda count: count == len(jobs))
        async with house.database.raw_connection() as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
                " OR query LIKE '%pgqueuer%' AND pid <> pg_backend_pid()"
            )
        ended = [await house.finished(job_id) for job_id in jobs]

    assert {job.status for job in ended} == {VideoJobStatus.SUCCEEDED}
    records = told(caplog)
    assert [record.exc_info for record in records] == [None] * len(records)
    assert sum("The queue cannot be reached" in record.getMessage() for record in records) == 1
    assert [record for record in records if record.name == "pgqueuer"] == []


async def running(house: House) -> int:
    return len([status for status in await status_in_queue(house) if status == "picked"])


# What is wrong with the queue itself


@asynccontextmanager
async def altered(house: House, there: str, and_back: str) -> AsyncIterator[None]:
    async def run(statement: str) -> None:
        async with house.database.session() as session:
            await session.execute(text(statement))

    await run(there)
    try:
        yield
    finally:
        await run(and_back)


@pytest.mark.parametrize(
    ("rename", "name", "missing"),
    [
        ("ALTER INDEX {} RENAME TO {}", "pgqueuer_picked_slot_idx", "index 'pgqueuer_picked_slot_idx'"),
        ("ALTER TABLE pgqueuer_log RENAME COLUMN {} TO {}", "traceback", "column 'traceback'"),
        ("ALTER TABLE {} RENAME TO {}", "pgqueuer_statistics", "table 'pgqueuer_statistics'"),
    ],
)
async def test_a_queue_that_is_not_complete_is_told_in_a_sentence_until_it_is(  # noqa: PLR0913, PLR0917 - a table
    house: House, settings: Settings, caplog: pytest.LogCaptureFixture, rename: str, name: str, missing: str
) -> None:
    there, and_back = rename.format(name, f"{name}_away"), rename.format(f"{name}_away", name)
    job_id = await house.create(await house.user())
    async with AsyncExitStack() as away:
        # Before the worker begins, which looks then.
        await away.enter_async_context(altered(house, there, and_back))
        async with at_work(settings, house.database, retry_policy=HASTE):
            records = await lines(caplog, 2, of=f"The required {missing} is missing")
            await away.aclose()
            job = await house.finished(job_id)

    assert job.status == VideoJobStatus.SUCCEEDED
    assert [(record.levelname, record.exc_info) for record in records] == [("ERROR", None)] * len(records)
    assert all("Run `lookreel migrate`" in record.getMessage() for record in records)


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_missing_trigger_is_told(house: House, caplog: pytest.LogCaptureFixture, *, is_there: bool) -> None:
    switch = "ALTER TABLE pgqueuer {} TRIGGER tg_pgqueuer_changed"
    async with altered(house, switch.format("ENABLE" if is_there else "DISABLE"), switch.format("ENABLE")):
        await inspect_queue(context(house, ScriptedGenerator()))

    warnings = [record.getMessage() for record in told(caplog)]
    sentence = "The queue's trigger is missing, so that new jobs are found late. Run PgQueuer's `pgq upgrade`."
    assert warnings == ([] if is_there else [sentence])


@pytest.mark.parametrize(("others", "is_told"), [(1, False), (3, False), (4, True), (5, True)])
async def test_a_worker_with_a_lower_limit_than_another_says_so(
    house: House, caplog: pytest.LogCaptureFixture, others: int, *, is_told: bool
) -> None:
    await house.create(await house.user())
    working = context(house, ScriptedGenerator())
    async with house.database.session() as session:
        await session.execute(text(f"UPDATE pgqueuer SET status = 'picked', slot = {others} - 1"))  # noqa: S608 - ours

    await inspect_queue(replace(working, catalogue=replace(working.catalogue, generations_at_once=3)))

    warnings = [record.getMessage() for record in told(caplog)]
    sentence = (
        f"A worker lets at least {others} generations run at once, but GENERATIONS_AT_ONCE is 3 here, and this one "
        "takes no jobs while more are running. Set the same for all workers."
    )
    assert warnings == ([sentence] if is_told else [])


# Beside the jobs


@asynccontextmanager
async def kept_house(working: WorkerContext) -> AsyncIterator[None]:
    task = asyncio.create_task(run_maintenance(working))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    "error", [DatabaseUnavailable(), DatabaseNotMigrated(), StorageUnavailable("no storage")], ids=named
)
async def test_a_chore_that_an_outage_stops_is_one_line(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    await is_told_of_a_chore(house, monkeypatch, error)

    records = await lines(caplog, 5, of="A chore was not done (chore), trying again in")
    assert {(record.levelname, record.exc_info) for record in records} == {("WARNING", None)}
    assert all(str(error) in record.getMessage() for record in records)


@pytest.mark.parametrize("error", [KeyError("slot"), PermissionError(13, "Permission denied")], ids=named)
async def test_a_fault_of_ours_in_a_chore_is_told_with_its_traceback_and_lets_it_rest_for_longer(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    await is_told_of_a_chore(house, monkeypatch, error)

    records = await lines(caplog, 5, of="A fault of ours has stopped a chore (chore), trying again in")
    assert {record.levelname for record in records} == {"ERROR"}
    assert all(record.exc_info and record.exc_info[1] is error for record in records)
    assert [record.args for record in records] == [("chore", rest) for rest in (0.01, 0.01, 0.02, 0.02, 0.01)]


async def is_told_of_a_chore(house: House, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the same chore fail four times, be done, fail once more, and be done again."""
    done = asyncio.Event()
    left = [error, None, *[error] * 4]

    async def chore(_context: WorkerContext) -> None:
        if not left:
            done.set()
        elif failure := left.pop():
            raise failure

    monkeypatch.setattr("worker.housekeeping.RECONCILE_SECONDS", 0.01)
    monkeypatch.setattr("worker.housekeeping.reconcile", chore)
    retry_policy = replace(HASTE, first_retry_seconds=0.005, longest_retry_seconds=0.02)
    async with kept_house(replace(context(house, ScriptedGenerator()), retry_policy=retry_policy)):
        await asyncio.wait_for(done.wait(), 60)
