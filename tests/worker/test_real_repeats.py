"""Repeated requests for a real video: one key stands for one job, its images included."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import select

from db.enums import ImageRole, VideoJobStatus
from db.tables import FileRemoval, VideoJobImage
from tests.house import eventually
from tests.worker.studio import FRAMES, JPEG, PNG, File, Said, Studio, WireName, ended, picture, wires
from tests.workers import all_are_due


@wires
async def test_a_replay_returns_the_first_job_and_stores_nothing_more(studio: Studio, over: WireName) -> None:
    caller = await studio.house.user(tokens=1000)
    key = {"idempotencyKey": "once"}
    first = await studio.create(caller, *FRAMES, over=over, **key)
    before = await studio.traces(caller), await studio.rows(FileRemoval)

    second = await studio.create(caller, *FRAMES, over=over, **key)
    over_the_other = await studio.create(caller, *FRAMES, over="rest" if over == "graphql" else "graphql", **key)

    assert first.job is not None
    for replay in (second, over_the_other):
        assert replay.job is not None
        assert (replay.job["id"], replay.replayed) == (first.job["id"], True)
    assert not first.replayed
    assert (await studio.traces(caller), await studio.rows(FileRemoval)) == before
    assert len(studio.cloudinary.uploads) == len(studio.cloudinary.files) == 2
    assert await images_of(studio, first.job["id"]) == [(ImageRole.END, "image/png"), (ImageRole.INITIAL, "image/jpeg")]


@wires
@pytest.mark.parametrize(
    "files",
    [
        (("initialImage", JPEG), ("endFrame", picture("PNG", "red"))),
        (("initialImage", PNG), ("endFrame", JPEG)),
        (("initialImage", JPEG),),
        (),
    ],
    ids=["another end frame", "the other way round", "no end frame", "no images"],
)
async def test_a_key_stands_for_the_images_too(studio: Studio, over: WireName, files: Sequence[File]) -> None:
    caller = await studio.house.user(tokens=1000)
    await studio.created(caller, *FRAMES, over=over, idempotencyKey="once")
    before = await studio.traces(caller), await studio.rows(FileRemoval)

    said = await studio.create(caller, *files, over=over, idempotencyKey="once")

    assert said == Said(
        422 if over == "rest" else 200,
        code="IDEMPOTENCY_KEY_REUSED",
        message="This idempotency key was used for a different request. Use a new key for a new request.",
    )
    assert (await studio.traces(caller), await studio.rows(FileRemoval)) == before
    assert len(studio.cloudinary.uploads) == 2


async def test_ten_requests_at_once_with_one_key_make_one_job(studio: Studio) -> None:
    caller = await studio.house.user(tokens=1000)
    answers = await asyncio.gather(*[studio.create(caller, *FRAMES, idempotencyKey="once") for _ in range(10)])
    async with studio.working():
        (job,) = await ended(studio)
        await all_are_due(studio.house)
        await eventually(lambda: studio.rows(FileRemoval), lambda rows: rows == 0)

    assert {answer.job["id"] for answer in answers if answer.job} == {str(job.id)}
    assert [answer.replayed for answer in answers].count(False) == 1
    assert job.status == VideoJobStatus.SUCCEEDED
    assert await studio.house.charges(caller) == 1
    # What the others had stored before the first one had written its job is gone as well.
    assert [kind for kind, _ in studio.cloudinary.files] == ["video"]


async def images_of(studio: Studio, job_id: str) -> list[tuple[str, str]]:
    rows = select(VideoJobImage).where(VideoJobImage.video_job_id == job_id).order_by(VideoJobImage.role)
    async with studio.house.database.session() as session:
        return [(row.role, row.media_type) for row in await session.scalars(rows)]
