"""A job that was made from images is made anew while these are kept, and refused by name afterwards."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.registry import catalogue
from auth.caller import Caller, Role
from db import video_job_images
from db.enums import VideoJobStatus
from db.tables import FileRemoval, VideoJob, VideoJobImage
from resolvers import generation, video_jobs
from resolvers.models import Catalogue
from tests.house import FORM, House, multipart
from tests.resolvers.stages import VIDEO
from tests.schema.mutate import png
from tests.workers import files_are_removed

PATH = "/api/v1/video-jobs"
RETRY = """mutation ($id: ID!, $key: String) { retryVideoJob(input: { id: $id, idempotencyKey: $key }) {
  videoJob { id } replayed errors { ... on UserError { code message } } } }"""
IMAGES = {"initialImage": png("red"), "endFrame": png("blue")}
GONE = "The images of this video job are not kept any more. Create a new job with the images."

apis = pytest.mark.parametrize("over", ["rest", "graphql"])


async def create(house: House, caller: Caller, **fields: Any) -> str:
    files = [(name, ("file.png", data, "image/png")) for name, data in IMAGES.items()]
    answer = await house.http.post(PATH, files=[*multipart(FORM | fields), *files], headers=house.headers(caller))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def ended(house: House, caller: Caller, **fields: Any) -> str:
    job_id = await create(house, caller, **fields)
    await house.http.post(f"{PATH}/{job_id}/cancel", headers=house.headers(caller))
    return job_id


async def retry(house: House, caller: Caller, job_id: str, over: str, key: str | None = None) -> tuple[str | None, Any]:
    """Return the new job's id, and the refusal's code and message, or whether it was a replay."""
    if over == "rest":
        headers = house.headers(caller) | ({"Idempotency-Key": key} if key else {})
        answer = await house.http.post(f"{PATH}/{job_id}/retry", headers=headers)
        body = answer.json()
        if answer.status_code == 202:
            assert answer.headers["Location"] == f"{PATH}/{body['id']}"
            return body["id"], answer.headers.get("Idempotent-Replayed") == "true"
        return None, (body["code"], body["detail"])
    payload = (await house.graphql(caller, RETRY, id=job_id, key=key))["data"]["retryVideoJob"]
    if payload["videoJob"]:
        return payload["videoJob"]["id"], payload["replayed"]
    (error,) = payload["errors"]
    return None, (error["code"], error["message"])


async def images(house: House, job_id: str) -> dict[str, bytes | None]:
    """Read the files of a job's images by their roles; None for those that are gone."""
    query = select(VideoJobImage.role, VideoJobImage.address).where(VideoJobImage.video_job_id == job_id)
    async with house.database.session() as session:
        rows = (await session.execute(query)).all()
    answers = {role: await house.http.get(address) for role, address in rows}
    return {role: answer.content if answer.status_code == 200 else None for role, answer in answers.items()}


async def later(house: House, time: timedelta) -> None:
    """Let time pass for the files that are to go."""
    async with house.database.session() as session:
        await session.execute(update(FileRemoval).values(due_at=FileRemoval.due_at - time))


KEPT = {"INITIAL": IMAGES["initialImage"], "END": IMAGES["endFrame"]}
NOT_KEPT = dict.fromkeys(KEPT)


@apis
@pytest.mark.parametrize("end", ["CANCELLED", "FAILED", "SUCCEEDED", "still PENDING"])
async def test_a_retry_has_copies_of_the_images_however_the_job_ended(house: House, over: str, end: str) -> None:
    caller = await house.user(tokens=200)
    job_id = await create(house, caller)
    if end != "still PENDING":
        await _end(house, job_id, VideoJobStatus(end))

    new, replayed = await retry(house, caller, job_id, over)

    assert new not in (None, job_id)
    assert not replayed
    assert await images(house, str(new)) == await images(house, job_id) == KEPT
    # Of the new job's files, none is to go.
    assert await house.count(table=FileRemoval) == (0 if end == "still PENDING" else 2)
    assert await house.charges(caller) == 2


@apis
async def test_images_go_when_their_days_are_over_and_a_retry_is_refused_by_name(house: House, over: str) -> None:
    caller = await house.user()
    job_id = await ended(house, caller)
    await later(house, timedelta(days=7) - timedelta(minutes=1))
    await files_are_removed(house)
    assert await images(house, job_id) == KEPT
    async with house.database.session() as session:
        first = select(func.min(FileRemoval.address)).scalar_subquery()
        await session.execute(update(FileRemoval).where(FileRemoval.address == first).values(due_at=func.now()))
    without_one = await retry(house, caller, job_id, over)

    await later(house, timedelta(minutes=1))
    before = await house.traces(caller), await house.count(table=VideoJobImage)
    due, refused = await images(house, job_id), await retry(house, caller, job_id, over)
    # Their removal has failed, and is tried again later.
    async with house.database.session() as session:
        await session.execute(update(FileRemoval).values(due_at=func.now() + timedelta(minutes=1), failures=1))
    half_gone = await retry(house, caller, job_id, over)
    await later(house, timedelta(minutes=1))
    await files_are_removed(house)
    removed, refused_again = await images(house, job_id), await retry(house, caller, job_id, over)

    assert (due, removed) == (KEPT, NOT_KEPT)
    assert without_one == refused == half_gone == refused_again == (None, ("VIDEO_JOB_IMAGES_REMOVED", GONE))
    assert (await house.traces(caller), await house.count(table=VideoJobImage)) == before
    assert await house.count(table=FileRemoval) == 0


@apis
async def test_whichever_job_goes_first_the_others_keep_their_images(house: House, over: str) -> None:
    caller, jobs = await house.user(tokens=200), []
    jobs.append(await ended(house, caller))
    for _ in range(2):
        new, _ = await retry(house, caller, jobs[-1], over)
        await house.http.post(f"{PATH}/{new}/cancel", headers=house.headers(caller))
        jobs.append(str(new))

    for job_id in (jobs[0], jobs[2]):
        await house.http.delete(f"{PATH}/{job_id}", headers=house.headers(caller))
    await files_are_removed(house)
    of_the_second = await images(house, jobs[1])
    new, _ = await retry(house, caller, jobs[1], over)

    assert of_the_second == await images(house, str(new)) == KEPT
    stored = [path for path in house.settings.media_folder.iterdir() if path.suffix == ".png"]
    await house.http.delete(f"{PATH}/{new}", headers=house.headers(caller))
    await house.http.delete(f"{PATH}/{jobs[1]}", headers=house.headers(caller))
    await files_are_removed(house)
    left = [path for path in stored if path.exists()]
    assert len(stored) - len(left) == 4
    assert await house.count(table=FileRemoval) == 0


@apis
async def test_a_repeated_retry_is_a_replay_that_stores_nothing(house: House, over: str) -> None:
    caller = await house.user(tokens=200)
    job_id = await ended(house, caller)
    first, was_replayed = await retry(house, caller, job_id, over, "key")
    files = sorted(house.settings.media_folder.iterdir())

    again, replayed = await retry(house, caller, job_id, over, "key")

    assert (first, was_replayed, replayed) == (again, False, True)
    await files_are_removed(house)
    assert sorted(house.settings.media_folder.iterdir()) == files
    assert await house.charges(caller) == 2


@apis
@pytest.mark.parametrize("lost", ["images", "job", "look's video", "model"])
async def test_a_repeated_retry_is_a_replay_whatever_has_become_of_the_job(house: House, over: str, lost: str) -> None:
    caller = await house.user(tokens=200)
    look_id = str((await house.look(caller)).id)
    job_id = await ended(house, caller, lookId=look_id)
    first, _ = await retry(house, caller, job_id, over, "key")
    if lost == "images":
        await later(house, timedelta(days=8))
        await files_are_removed(house)
    elif lost == "job":
        await house.http.delete(f"{PATH}/{job_id}", headers=house.headers(caller))
    elif lost == "model":
        async with house.database.session() as session:
            await session.execute(update(VideoJob).values(model="not-offered-any-more"))
    else:
        await house.http.delete(f"/api/v1/looks/{look_id}", headers=house.headers(caller))
    before = await house.traces(caller), await house.count(table=FileRemoval)

    assert await retry(house, caller, job_id, over, "key") == (first, True)
    assert (await house.traces(caller), await house.count(table=FileRemoval)) == before
    _, (code, _) = await retry(house, caller, str(first), over, "key")
    assert code == "IDEMPOTENCY_KEY_REUSED"


@apis
async def test_a_repeated_retry_whose_job_was_deleted_says_so(house: House, over: str) -> None:
    caller = await house.user(tokens=200)
    job_id = await ended(house, caller)
    first, _ = await retry(house, caller, job_id, over, "key")
    for id_ in (first, job_id):
        await house.http.delete(f"{PATH}/{id_}", headers=house.headers(caller))
    before = await house.traces(caller)

    refused = await retry(house, caller, job_id, over, "key")

    assert (refused[0], refused[1][0]) == (None, "VIDEO_JOB_DELETED")
    assert await house.traces(caller) == before


@apis
async def test_a_retry_that_is_refused_for_its_balance_stores_nothing(house: House, over: str) -> None:
    caller = await house.user(tokens=60)
    job_id = await create(house, caller)
    files, before = sorted(house.settings.media_folder.iterdir()), await house.traces(caller)

    new, (code, _) = await retry(house, caller, job_id, over)

    assert (new, code) == (None, "INSUFFICIENT_TOKENS")
    assert sorted(house.settings.media_folder.iterdir()) == files
    assert await house.traces(caller) == before
    assert await house.count(table=FileRemoval) == 0


@apis
async def test_nobody_gets_at_anothers_images_but_an_admin(house: House, over: str) -> None:
    job_id = await ended(house, await house.user())
    other, admin = await house.user(), await house.user(role=Role.ADMIN)
    before = await house.traces(other)

    refused = await retry(house, other, job_id, over)
    new, _ = await retry(house, admin, job_id, over)

    assert refused == (None, ("VIDEO_JOB_NOT_FOUND", "Video job not found"))
    assert await house.count(table=VideoJobImage) == 4
    assert await house.tokens(other) == before.tokens
    assert await images(house, str(new)) == KEPT


@apis
async def test_a_file_that_was_lost_is_as_good_as_removed(house: House, over: str) -> None:
    caller = await house.user()
    job_id = await ended(house, caller)
    async with house.database.session() as session:
        address = await session.scalar(select(VideoJobImage.address).where(VideoJobImage.role == "END"))
    (house.settings.media_folder / str(address).rpartition("/")[2]).unlink()
    before = await house.traces(caller)

    assert await retry(house, caller, job_id, over) == (None, ("VIDEO_JOB_IMAGES_REMOVED", GONE))
    assert await house.traces(caller) == before


async def test_a_deleted_jobs_images_go_at_once(house: House) -> None:
    caller = await house.user()
    job_id = await ended(house, caller)
    stored = sorted(house.settings.media_folder.iterdir())

    await house.http.delete(f"{PATH}/{job_id}", headers=house.headers(caller))
    await files_are_removed(house)

    assert len(set(stored) - set(house.settings.media_folder.iterdir())) == 2
    assert await house.count(table=FileRemoval) == 0


@pytest.mark.parametrize("days", [0, 7, 3650])
async def test_images_are_kept_for_as_long_as_the_setting_said_at_the_creation(house: House, days: int) -> None:
    offered: Catalogue = catalogue(house.settings.model_copy(update={"inputs_kept_days": days}))
    job_id = await create(house, await house.user())
    async with house.database.session() as session:
        default = await session.scalar(select(VideoJobImage.kept_for).limit(1))
        await session.execute(update(VideoJobImage).values(kept_for=offered.inputs_kept))
    await _end(house, job_id, VideoJobStatus.FAILED)

    async with house.database.session() as session:
        due = await session.scalar(select(func.max(FileRemoval.due_at)))
        ended_at = await session.scalar(select(VideoJob.completed_at))
    assert default == timedelta(days=7)
    assert isinstance(due, datetime)
    assert isinstance(ended_at, datetime)
    assert due - ended_at == timedelta(days=days)
    assert await video_job_images.kept(house.database.reader, (await house.job(job_id)).id) == [] or days > 0


async def _end(house: House, job_id: str, status: VideoJobStatus) -> None:
    """End a job as a worker or its owner does."""
    job = await house.job(job_id)
    async with house.database.transaction() as transaction:
        if status == VideoJobStatus.SUCCEEDED:
            await generation.succeed(transaction, job, VIDEO)
        elif status == VideoJobStatus.FAILED:
            await generation.fail(transaction, job, "INTERNAL_ERROR", "It could not be made.", refund=False)
        else:
            await video_jobs.cancel(transaction, Caller(job.user_id, None), job.id)
