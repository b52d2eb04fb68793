"""PostgreSQL refuses what the worker writes: the job waits, and none of its tries is used up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
from pgqueuer.errors import RetryRequested

from app.settings import Settings
from db.enums import VideoJobStatus
from tests.db.test_error_names import NAMES
from tests.house import House, eventually
from tests.inspected import InspectedDatabase
from tests.servers import serving
from tests.worker.scripted import ScriptedGenerator, ScriptedStorage
from tests.worker.test_generate import MOST_FAULTS, context
from tests.workers import at_work
from worker.service import generate

TIMES = 2 * MOST_FAULTS
# A sequence counts on where a transaction is rolled back.
REFUSING = """
CREATE SEQUENCE refusals;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF nextval('refusals') <= {times} THEN
        RAISE EXCEPTION 'as the test wants it' USING ERRCODE = '{state}'; END IF; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER refusing AFTER UPDATE ON video_jobs {when} FOR EACH ROW EXECUTE FUNCTION refuse();
"""
ALLOWING = "DROP FUNCTION refuse CASCADE; DROP SEQUENCE refusals"
AT_ONCE, AT_COMMIT = "NOT DEFERRABLE", "DEFERRABLE INITIALLY DEFERRED"


@asynccontextmanager
async def refusing(house: House, state: str, times: int, when: str) -> AsyncIterator[None]:
    async with house.database.raw_connection() as admin:
        await admin.execute(REFUSING.format(state=state, times=times, when=when))
        yield
        await admin.execute(ALLOWING)


async def generated(house: House, generator: ScriptedGenerator, storage: ScriptedStorage, job_id: UUID) -> int:
    """Run the job as often as the queue would; return how often that was."""
    for times in range(1, 3 * TIMES):
        try:
            await generate(context(house, generator, storage), job_id)
        except RetryRequested:
            continue
        return times
    pytest.fail("The job never ended")


@pytest.mark.parametrize(
    ("state", "when"),
    [(state, AT_ONCE) for state in NAMES] + [(state, AT_COMMIT) for state in ("25006", "40001", "53100")],
)
async def test_a_job_waits_as_long_as_it_takes(
    house: House, monkeypatch: pytest.MonkeyPatch, state: str, when: str
) -> None:
    monkeypatch.setattr("worker.submitting.RECORDING_RETRY_SECONDS", 0.001)
    caller = await house.user(tokens=100)
    job_id, generator, storage = UUID(await house.create(caller)), ScriptedGenerator(), ScriptedStorage()

    async with refusing(house, state, TIMES, when):
        runs = await generated(house, generator, storage, job_id)

    job = await house.job(job_id)
    assert runs > MOST_FAULTS
    assert (job.status, job.faults, job.attempt) == (VideoJobStatus.SUCCEEDED, 0, 1)
    assert (len(generator.submitted), len(storage.stored)) == (1, 1)
    assert (await house.tokens(caller), await house.charges(caller)) == (50, 1)


async def test_what_is_accepted_is_written_down_once_the_database_lets_us(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk becomes full while the generator has the request, which is paid for."""
    monkeypatch.setattr("worker.submitting.RECORDING_RETRY_SECONDS", 0.001)
    job_id = UUID(await house.create(await house.user()))
    generator, storage = ScriptedGenerator(), ScriptedStorage()
    async with house.database.raw_connection() as admin:
        # Taking the job and beginning its submit are two updates; the operation's name is the third.
        await admin.execute(REFUSING.format(state="53100", times="12 AND currval('refusals') > 2", when=AT_ONCE))
        runs = await generated(house, generator, storage, job_id)
        tries = await admin.fetchval("SELECT last_value FROM refusals")
        await admin.execute(ALLOWING)

    job = await house.job(job_id)
    assert (runs, tries > 12) == (1, True)
    assert (job.status, job.faults, len(generator.submitted)) == (VideoJobStatus.SUCCEEDED, 0, 1)


@pytest.fixture
async def own(settings: Settings, database: InspectedDatabase) -> AsyncIterator[House]:
    """An API on a database of its own."""
    async with (
        database.beside("heads") as own,
        serving(settings, own) as base_url,
        House.opened(settings, own, base_url) as house,
    ):
        yield house


async def test_a_worker_outlives_a_database_that_takes_no_changes(
    own: House, settings: Settings, database: InspectedDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    caller = await own.user(tokens=1000)
    async with at_work(settings, own.database), database.raw_connection() as admin:
        job_ids = [await own.create(caller) for _ in range(3)]
        await eventually(lambda: own.job(job_ids[0]), lambda job: job.status == VideoJobStatus.RUNNING)
        await read_only(admin, own, "on")
        caplog.clear()
        await eventually(lambda: said(caplog), lambda text: text.count("read-only") > 2)
        await read_only(admin, own, "off")
        jobs = [await own.finished(job_id) for job_id in job_ids]

    assert [(job.status, job.faults) for job in jobs] == [(VideoJobStatus.SUCCEEDED, 0)] * 3
    assert await own.charges(caller) == 3


async def read_only(admin: asyncpg.Connection, own: House, value: str) -> None:
    name = own.database.url.database
    await admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}')
    await admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", name)


async def said(caplog: pytest.LogCaptureFixture) -> str:
    return caplog.text
