"""A video that is made and not kept yet: the job waits for the storage, and no file is left over."""

import shutil
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from pgqueuer.errors import RetryRequested
from sqlalchemy import text

from db.enums import VideoJobStatus
from db.tables import FileRemoval
from db.video_jobs import JobRow
from resolvers import generation
from resolvers.generation import VideoJobChanged
from resolvers.ports import Generated, StorageUnavailable
from tests.house import House
from tests.worker.scripted import VIDEO, ScriptedGenerator, ScriptedStorage
from tests.worker.test_generate import HASTE, context, job_of_somebody
from tests.workers import all_are_due
from worker.context import WorkerContext
from worker.housekeeping import remove_files
from worker.service import generate


async def test_a_video_waits_for_the_storage_as_often_as_it_may(house: House) -> None:
    job_id, generator = await job_of_somebody(house), ScriptedGenerator()
    once = replace(HASTE, store_tries=1, most_store_faults=1)
    working = replace(context(house, generator, ScriptedStorage([StorageUnavailable("away")])), retry_policy=once)

    with pytest.raises(RetryRequested):
        await generate(working, job_id)
    await generate(working, job_id)

    assert ((await house.job(job_id)).status, len(generator.submitted)) == (VideoJobStatus.SUCCEEDED, 1)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_no_file_is_left_over(house: House, tmp_path: Path) -> None:
    job_id = UUID(await house.create(await house.user(), generateAudio="false"))
    fetched, storage = tmp_path / "fetched.mp4", ScriptedStorage()
    shutil.copyfile(VIDEO, fetched)
    generator = ScriptedGenerator([Generated(fetched, is_temporary=True)])

    await generate(replace(context(house, generator, storage), scratch=tmp_path / "scratch"), job_id)

    [(_, stored)] = storage.stored
    assert stored.parent == tmp_path / "scratch"
    assert files_in(tmp_path) == []


async def test_each_try_to_store_a_video_gives_its_file_another_day(house: House) -> None:
    job, address = await house.job(await job_of_somebody(house)), "/media/made.mp4"
    async with house.database.transaction() as session:
        job = await generation.begin_storing(session, job, address)
    await all_are_due(house)

    async with house.database.transaction() as session:
        again = await generation.begin_storing(session, job, address)

    is_due_tomorrow = FileRemoval.due_at > text("now() + interval '23 h'")
    assert await house.count(FileRemoval.address == address, is_due_tomorrow, table=FileRemoval) == 1
    # By the row, so that a run that is no longer the job's schedules nothing.
    assert again.version == job.version + 1
    with pytest.raises(VideoJobChanged):
        async with house.database.transaction() as session:
            await generation.begin_storing(session, job, "/media/other.mp4")
    assert await house.count(FileRemoval.address == "/media/other.mp4", table=FileRemoval) == 0


async def test_a_file_is_not_removed_while_a_job_may_be_storing_it_anew(house: House) -> None:
    job = await house.job(await job_of_somebody(house))
    storage, working = await storing_since_yesterday(house, job)

    await remove_files(working)
    assert storage.deleted == []
    await generate(working, job.id)
    await remove_files(working)

    assert ((await house.job(job.id)).status, storage.deleted) == (VideoJobStatus.SUCCEEDED, [])
    assert await house.count(table=FileRemoval) == 0


async def test_a_file_of_a_job_that_has_failed_is_removed(house: House) -> None:
    job = await house.job(await job_of_somebody(house))
    storage, working = await storing_since_yesterday(house, job)
    await remove_files(working)
    async with house.database.transaction() as session:
        await generation.fail(session, await house.job(job.id), "GONE", "It is gone.", refund=False)
    await all_are_due(house)

    await remove_files(working)

    assert storage.deleted == [storage.address_of_video(job.id)]
    assert await house.count(table=FileRemoval) == 0


async def storing_since_yesterday(house: House, job: JobRow) -> tuple[ScriptedStorage, WorkerContext]:
    """Leave a job as a worker does that was killed while it stored, a day ago."""
    storage = ScriptedStorage()
    async with house.database.transaction() as session:
        await generation.begin_storing(session, job, storage.address_of_video(job.id))
    await all_are_due(house)
    return storage, context(house, ScriptedGenerator(), storage)
