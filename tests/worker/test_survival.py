"""Real jobs outlive workers and databases, and none is paid for twice."""

import asyncio
import gc
import os
import signal
import subprocess
import time
import warnings
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psutil
import pytest
from sqlalchemy import func, update

from app.settings import Settings
from auth.caller import Caller
from db import migrations
from db.embedded.guardian import PGDATA, postmaster_lines
from db.embedded.server import embedded_server
from db.enums import LedgerEntryKind, Submission, VideoJobStatus
from db.tables import LedgerEntry, VideoJob
from providers.cloudinary.storage import CloudinaryStorage
from providers.mock.videos import mock_video
from tests.app.forks import EXIT_SECONDS
from tests.conftest import temporary_folder
from tests.doubles.cloudinary import CloudinaryDouble
from tests.house import House, eventually
from tests.inspected import InspectedDatabase
from tests.servers import serving
from tests.worker.processes import worker_process
from tests.worker.studio import CHARGED, HASTE, REFUNDED, Front, Studio, ended

TAKEN_OVER = ("INFO", "Another worker has taken over")


async def all_jobs(studio: Studio) -> list[VideoJob]:
    return await ended(studio, is_wanted=lambda _: True)


async def sent(studio: Studio, number: int) -> list[VideoJob]:
    """Wait until so many jobs have been sent and recorded."""
    return await ended(studio, is_wanted=lambda jobs: sum(job.submission == Submission.SENT for job in jobs) == number)


async def asked_about(studio: Studio, number: int) -> None:
    """Wait until the double has been asked about so many operations."""

    async def operations() -> int:
        return len(set(studio.veo.polls))

    await eventually(operations, lambda names: names == number)


async def users_with_jobs(studio: Studio, number: int) -> dict[str, Caller]:
    callers = [await studio.house.user() for _ in range(number)]
    return {await studio.created(caller, prompt=f"Video {count}"): caller for count, caller in enumerate(callers)}


# The middle of a submit


@pytest.mark.parametrize("refund", [False, True], ids=["kept", "refunded"])
async def test_a_job_found_in_the_middle_of_its_submit_is_never_sent_again(studio: Studio, *, refund: bool) -> None:
    caller = await studio.house.user()
    job_id = await studio.created(caller)
    async with studio.house.database.session() as session:
        crashed = {"submission": Submission.SENDING, "run_id": uuid4(), "version": 5, "updated_at": func.now()}
        await session.execute(update(VideoJob).where(VideoJob.id == UUID(job_id)).values(crashed))
    found = await studio.house.job(job_id)

    async with studio.working(replace(HASTE, uncertain_seconds=0.6), refund_failed_jobs=refund):
        job = await studio.house.finished(job_id)

    assert (found.status, found.operation_name) == (VideoJobStatus.PENDING, None)
    assert (job.status, job.error_code) == (VideoJobStatus.FAILED, "SUBMISSION_UNCERTAIN")
    assert job.completed_at is not None
    assert job.completed_at - found.updated_at > timedelta(seconds=0.6)
    assert studio.veo.submits == []
    assert await studio.money(caller) == (REFUNDED if refund else CHARGED)


async def test_a_worker_that_is_told_to_stop_in_the_middle_of_a_submit_records_the_name(
    studio: Studio, tmp_path: Path
) -> None:
    caller = await studio.house.user()
    studio.front.submit_seconds = 1.0
    job_id = await studio.created(caller)
    with worker_process(studio.house.settings, tmp_path / "log") as worker:
        await eventually(lambda: accepted(studio), lambda names: len(names) == 1)
        on_its_way = await studio.house.job(job_id)
        code, log = await worker.stop()
    handed_over = await studio.house.job(job_id)
    async with studio.working():
        job = await studio.house.finished(job_id)

    assert (on_its_way.submission, on_its_way.operation_name) == (Submission.SENDING, None)
    assert (code, "Traceback" in log) == (0, False)
    assert (handed_over.status, handed_over.submission) == (VideoJobStatus.RUNNING, Submission.SENT)
    assert [handed_over.operation_name] == list(studio.veo.accepted)
    assert job.status == VideoJobStatus.SUCCEEDED
    assert (len(studio.veo.submits), await studio.money(caller)) == (1, CHARGED)


async def accepted(studio: Studio) -> list[str]:
    return list(studio.veo.accepted)


# The end of a worker


async def test_a_worker_that_is_told_to_stop_hands_its_jobs_over(studio: Studio, tmp_path: Path) -> None:
    studio.veo.seconds_until_done = 3600
    owners = await users_with_jobs(studio, 20)
    with worker_process(studio.house.settings, tmp_path / "log") as worker:
        await sent(studio, 20)
        await asked_about(studio, 20)
        told_at = time.monotonic()
        code, log = await worker.stop()
        took_seconds = time.monotonic() - told_at
    handed_over = await all_jobs(studio)
    queued = (await studio.house.traces(studio.house.unknown_caller())).queued
    studio.veo.seconds_until_done = 0
    async with studio.working():
        jobs = await ended(studio)

    assert (code, "Traceback" in log) == (0, False)
    assert took_seconds < EXIT_SECONDS
    assert queued == 20
    assert {job.status for job in handed_over} == {VideoJobStatus.RUNNING}
    assert {job.operation_name for job in handed_over} == set(studio.veo.accepted)
    assert [job.status for job in jobs] == [VideoJobStatus.SUCCEEDED] * 20
    assert {job.faults for job in jobs} == {0}
    assert studio.veo.accepted_by_prompt() == dict.fromkeys((f"Video {count}" for count in range(20)), 1)
    assert len(studio.veo.submits) == 20
    assert [await studio.money(caller) for caller in owners.values()] == [CHARGED] * 20
    assert [(await studio.log(job_id))[2] for job_id in owners] == [TAKEN_OVER] * 20


async def test_a_store_that_is_broken_off_leaves_no_file_open(cloudinary: CloudinaryDouble) -> None:
    storage = CloudinaryStorage(cloudinary.cloudinary_url)
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        for _ in range(5):
            storing = asyncio.create_task(storage.store(uuid4(), mock_video("720p", "16:9", 4, audio=False)))
            await asyncio.sleep(0)
            time.sleep(0.02)  # noqa: ASYNC251 - what a thread would do meanwhile is done when the cancellation comes
            storing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await storing
        gc.collect()
    await storage.aclose()

    assert [str(complaint.message) for complaint in complaints] == []


async def test_a_killed_workers_job_goes_on_under_its_stored_name(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.veo.seconds_until_done = 3600
    owners = await users_with_jobs(studio, 2)
    with worker_process(studio.house.settings, tmp_path / "log") as worker:
        await sent(studio, 2)
        await asked_about(studio, 2)
        worker.kill()
    left = await all_jobs(studio)
    asked_before = len(studio.veo.polls)
    studio.veo.seconds_until_done = 0
    monkeypatch.setattr("worker.service.HEARTBEAT_TIMEOUT", timedelta(seconds=1))
    async with studio.working():
        jobs = await ended(studio)

    assert {job.status for job in left} == {VideoJobStatus.RUNNING}
    assert [job.status for job in jobs] == [VideoJobStatus.SUCCEEDED] * 2
    assert [job.operation_name for job in jobs] == [job.operation_name for job in left]
    assert {job.operation_name for job in left} == set(studio.veo.polls[asked_before:]) == set(studio.veo.accepted)
    assert len(studio.veo.submits) == 2
    assert [await studio.money(caller) for caller in owners.values()] == [CHARGED] * 2


async def test_a_stalled_worker_does_no_harm_when_it_wakes_up(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.service.HEARTBEAT_TIMEOUT", timedelta(seconds=1))
    studio.veo.seconds_until_done = 3600
    owners = await users_with_jobs(studio, 3)
    with worker_process(studio.house.settings, tmp_path / "log") as worker:
        await sent(studio, 3)
        await asked_about(studio, 3)
        worker.signal(signal.SIGSTOP)
        stalled = await all_jobs(studio)
        studio.veo.seconds_until_done = 0
        async with studio.working():
            jobs = await ended(studio)
        uploads = Counter(upload.public_id for upload in studio.cloudinary.uploads)
        files = dict(studio.cloudinary.files)
        worker.signal(signal.SIGCONT)
        # It is the only worker now: that it makes another video shows that it is awake again.
        newcomer = await studio.house.user()
        another = await studio.house.finished(await studio.created(newcomer, prompt="Another"))
        code, log = await worker.stop()

    assert {job.status for job in stalled} == {VideoJobStatus.RUNNING}
    assert [job.status for job in jobs] == [VideoJobStatus.SUCCEEDED] * 3
    assert another.status == VideoJobStatus.SUCCEEDED
    assert (code, "Traceback" in log) == (0, False), log
    after = {job.id: (job.status, job.version, job.updated_at) for job in await all_jobs(studio)}
    assert {job.id: after.pop(job.id) for job in jobs} == {
        job.id: (job.status, job.version, job.updated_at) for job in jobs
    }
    assert list(after) == [another.id]
    assert uploads == {f"lookreel/{job.id}": 1 for job in jobs}
    assert {key: studio.cloudinary.files[key] for key in files} == files
    assert {upload.public_id: studio.cloudinary.uploads_of(upload.public_id) for upload in files.values()} == uploads
    assert len(studio.veo.submits) == 4
    assert set(studio.veo.accepted_by_prompt().values()) == {1}
    assert [await studio.money(caller) for caller in (*owners.values(), newcomer)] == [CHARGED] * 4


# The end of the database


# Polls that are broken off by the crash leave their sockets to the collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
async def test_all_jobs_outlive_a_crash_of_the_database(
    front: Front, cloudinary: CloudinaryDouble, real_settings: Settings, hurried: None
) -> None:
    assert hurried is None
    veo = front.renew()
    cloudinary.reset()
    veo.give(mock_video("720p", "16:9", 4, audio=False).read_bytes())
    veo.seconds_until_done = 1.0
    # The crash comes between the last jobs' being accepted and our hearing of it.
    front.submit_seconds = 1.0
    with temporary_folder() as folder, embedded_server(folder) as url:
        await migrations.upgrade(url)
        settings = real_settings.model_copy(update={"database_url": url})
        database = InspectedDatabase(url)
        async with serving(settings, database) as base_url, House.opened(settings, database, base_url) as house:
            studio = Studio(house, front, cloudinary)
            callers = [await house.user(tokens=1000) for _ in range(20)]
            asked = [(callers[count % 20], f"Video {count}") for count in range(40)]
            await asyncio.gather(*[studio.created(caller, prompt=prompt) for caller, prompt in asked])
            async with studio.working():
                await eventually(lambda: accepted(studio), lambda names: len(names) == 40)
                before = await all_jobs(studio)
                await asyncio.to_thread(crash_and_restart, folder / PGDATA)
                jobs = await ended(studio, seconds=180)
            charges = await house.count(LedgerEntry.amount == -50, table=LedgerEntry)
            refunds = await house.count(LedgerEntry.kind == LedgerEntryKind.REFUND, table=LedgerEntry)
            queued = (await house.traces(callers[0])).queued
        await database.close()

    assert Submission.SENDING in {job.submission for job in before}
    assert Counter((job.status, job.error_code) for job in jobs) == {(VideoJobStatus.SUCCEEDED, None): 40}
    assert veo.accepted_by_prompt() == {prompt: 1 for _, prompt in asked}
    assert len(veo.submits) == 40
    assert set(cloudinary.files) == {("video", f"lookreel/{job.id}") for job in jobs}
    assert (charges, refunds, queued) == (40, 0, 0)


def crash_and_restart(pgdata: Path, mode: str = "immediate") -> None:
    """Let the server go down at once, by default without a word to anybody, and come up again."""
    postmaster = psutil.Process(int(postmaster_lines(pgdata)[0]))
    command = (Path(postmaster.exe()).with_name("pg_ctl"), "restart", "-w", "-m", mode, "-D", pgdata)
    owner = pgdata.stat().st_uid
    identity = {} if owner == os.geteuid() else {"user": owner, "group": pgdata.stat().st_gid, "extra_groups": ()}
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, check=True, cwd=pgdata, **quiet, **identity)  # type: ignore[call-overload]
