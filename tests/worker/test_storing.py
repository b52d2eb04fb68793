"""A video that is made and not kept yet: the job waits for the storage, and no file is left over."""

from dataclasses import replace

import pytest
from pgqueuer.errors import RetryRequested
from sqlalchemy import text

from db.enums import VideoJobStatus
from db.tables import FileRemoval
from resolvers import generation
from resolvers.generation import VideoJobChanged
from resolvers.ports import StorageUnavailable
from tests.house import House
from tests.worker.scripted import ScriptedGenerator, ScriptedStorage
from tests.worker.test_generate import HASTE, context, job_of_somebody
from worker.service import generate


async def test_a_video_waits_for_the_storage_as_often_as_it_may(house: House) -> None:
    job_id, generator = await job_of_somebody(house), ScriptedGenerator()
    once = replace(HASTE, store_tries=1, most_store_faults=1)
    working = replace(context(house, generator, ScriptedStorage([StorageUnavailable("away")])), retry_policy=once)

    with pytest.raises(RetryRequested):
        await generate(working, job_id)
    await generate(working, job_id)

    assert ((await house.job(job_id)).status, len(generator.submitted)) == (VideoJobStatus.SUCCEEDED, 1)


async def test_each_try_to_store_a_video_gives_its_file_another_day(house: House) -> None:
    job, address = await house.job(await job_of_somebody(house)), "/media/made.mp4"
    async with house.database.transaction() as session:
        job = await generation.begin_storing(session, job, address)
    async with house.database.session() as session:
        await session.execute(text("UPDATE file_removals SET due_at = now()"))

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
