"""How long a generation is expected to take, by those before it."""

from uuid import UUID

import pytest
from sqlalchemy import text

from db.video_jobs import JobRow
from tests.house import House
from worker.context import TYPICAL_SECONDS, RunTimes

MADE = """UPDATE video_jobs SET mock_mode = :mock_mode, status = 'SUCCEEDED', cloudinary_url = '/media/x.mp4',
    submitted_at = now(), completed_at = now() + :seconds * interval '1 s' WHERE id = :id"""


async def made(house: House, seconds: float, *, mock_mode: bool) -> JobRow:
    """Return a job whose video took so long."""
    job_id = await house.create(await house.user())
    async with house.database.session() as session:
        await session.execute(text(MADE), {"id": UUID(job_id), "seconds": seconds, "mock_mode": mock_mode})
    return await house.job(job_id)


async def test_mock_videos_say_nothing_of_real_ones(house: House) -> None:
    known, reader = RunTimes(), house.database.reader
    jobs = [await made(house, 10, mock_mode=True), await made(house, 70, mock_mode=False)]

    assert [await known.expected_seconds(reader, job) for job in jobs] == [10, 70]


async def test_they_are_looked_at_once_in_a_while(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    known, reader = RunTimes(), house.database.reader
    job = await house.job(await house.create(await house.user()))

    expected = [await known.expected_seconds(reader, job)]
    await made(house, 10, mock_mode=True)
    expected.append(await known.expected_seconds(reader, job))
    monkeypatch.setattr("worker.context.REMEMBERED_SECONDS", 0.0)
    expected.append(await known.expected_seconds(reader, job))

    assert expected == [TYPICAL_SECONDS, TYPICAL_SECONDS, 10]
