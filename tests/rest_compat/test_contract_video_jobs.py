"""`/api/v1/video-jobs` row by row, beside its creation: lists, download, defaults of looks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text

from auth.caller import Caller, Role
from db.enums import VideoJobStatus
from tests.house import House, eventually
from tests.rest_compat.test_contract import NOBODYS, call, refused
from tests.rest_compat.test_video_jobs import JOB_MEMBERS
from tests.workers import at_work

PATH = "/api/v1/video-jobs"
LISTED = {
    "id",
    "status",
    "prompt",
    "model",
    "resolution",
    "aspectRatio",
    "durationSeconds",
    "cloudinaryUrl",
    "progressPercentage",
    "mockMode",
    "createdAt",
    "updatedAt",
    "associatedLooks",
    # Beyond the contract:
    "thumbnailUrl",
}
NOT_FOUND = (404, "Video job not found")
ENDED = {
    "SUCCEEDED": "cloudinary_url = '/media/some.mp4'",
    "FAILED": "error_message = 'The generator gave up', error_code = 'GAVE_UP'",
}


async def read(house: House, caller: Caller, path: str = "") -> Any:
    answer = await call(house, caller, "GET", f"{PATH}{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def listed(house: House, caller: Caller, query: str = "") -> list[str]:
    return [job["id"] for job in (await read(house, caller, query))["jobs"]]


@asynccontextmanager
async def worker(house: House, seconds: float) -> AsyncIterator[None]:
    """Run a worker whose mock generations take that long."""
    async with at_work(house.settings.model_copy(update={"mock_seconds": seconds}), house.database):
        yield


async def running(house: House, job_id: str) -> None:
    await eventually(lambda: house.job(job_id), lambda job: job.status == VideoJobStatus.RUNNING)


async def end(house: House, job_id: str, status: str) -> None:
    """Let a job have ended, as a worker would leave it."""
    statement = f"UPDATE video_jobs SET status = :s, completed_at = now(), {ENDED[status]} WHERE id = :i"  # noqa: S608 - ours
    async with house.database.session() as session:
        await session.execute(text(statement), {"s": status, "i": job_id})


async def defaults(house: House, caller: Caller, look_id: object) -> dict[str, bool]:
    look = (await call(house, caller, "GET", f"/api/v1/looks/{look_id}")).json()
    return {video["id"]: video["isDefault"] for video in look["videos"]}


async def test_an_item_of_the_list_has_the_contracts_members(house: House) -> None:
    caller = await house.user()
    look = await house.look(caller)
    job_id = await house.create(caller, prompt="é" * 149 + "🧵" + "cut", lookId=look.id)

    job = await read(house, caller, f"/{job_id}")
    page = await read(house, caller)

    (item,) = page.pop("jobs")
    assert page == {"total": 1, "skip": 0, "limit": 50}
    assert set(job) == JOB_MEMBERS
    assert job["prompt"] == "é" * 149 + "🧵cut"
    assert item == {name: job[name] for name in LISTED} | {"prompt": "é" * 149 + "🧵"}
    image_url = f"{house.base_url}/media/sample_look.jpg"
    assert item["associatedLooks"] == [{"id": str(look.id), "title": "Stone Essence", "generatedImageUrl": image_url}]


async def test_the_list_is_paged_newest_first_and_has_own_jobs_only(house: House) -> None:
    caller, other = await house.user(tokens=150), await house.user(role=Role.ADMIN)
    oldest, middle, newest = [await house.create(caller) for _ in range(3)]
    others = await house.create(other)

    pages = {
        "": [newest, middle, oldest],
        "?skip=0&limit=2": [newest, middle],
        "?skip=2&limit=2": [oldest],
        "?skip=3": [],
        "?offset=1&limit=1": [middle],
        "?skip=0&offset=2": [oldest],
        "?skip=0&limit=20&status_filter=": [newest, middle, oldest],
    }
    shown = {query: await read(house, caller, query) for query in pages}

    assert {query: [job["id"] for job in page["jobs"]] for query, page in shown.items()} == pages
    assert {page["total"] for page in shown.values()} == {3}
    assert (shown["?offset=1&limit=1"]["skip"], shown["?offset=1&limit=1"]["limit"]) == (1, 1)
    assert await listed(house, other) == [others]


async def test_the_list_can_be_narrowed_to_a_status(house: House) -> None:
    caller = await house.user(tokens=200)
    succeeded, failed = await house.create(caller), await house.create(caller)
    await end(house, succeeded, "SUCCEEDED")
    await end(house, failed, "FAILED")
    cancelled, pending = await house.create(caller), await house.create(caller)
    await call(house, caller, "POST", f"{PATH}/{cancelled}/cancel")
    wanted = {"SUCCEEDED": succeeded, "FAILED": failed, "CANCELLED": cancelled, "PENDING": pending}

    assert {status: await listed(house, caller, f"?status_filter={status}") for status in wanted} == {
        status: [job_id] for status, job_id in wanted.items()
    }
    page = await read(house, caller, "?skip=0&limit=20&status_filter=RUNNING")
    assert page == {"jobs": [], "total": 0, "skip": 0, "limit": 20}


@pytest.mark.parametrize("status", ["DONE", "SUCCEEDED,FAILED", "%00"])
async def test_an_unknown_status_is_a_400(house: House, status: str) -> None:
    assert await refused(house, await house.user(), "GET", f"{PATH}?status_filter={status}") == (
        400,
        "status_filter must be one of PENDING, RUNNING, SUCCEEDED, FAILED, CANCELLED",
    )


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("skip=-1", "skip"), ("offset=-1", "offset"), ("limit=x", "limit")],
)
async def test_a_page_that_cannot_be_is_a_422(house: House, query: str, field: str) -> None:
    status, detail = await refused(house, await house.user(), "GET", f"{PATH}?{query}")

    assert (status, [problem["loc"] for problem in detail]) == (422, [["query", field]])


async def test_the_largest_page_has_100_jobs(house: House) -> None:
    none = {"jobs": [], "total": 0, "skip": 0, "limit": 100}
    for query in ("?limit=100", "?limit=200", f"?limit={10**30}", "?limit=100&status_filter=undefined"):
        assert await read(house, await house.user(), query) == none


async def test_download_goes_to_the_video(house: House) -> None:
    caller, admin = await house.user(), await house.user(role=Role.ADMIN)
    job_id = await house.create(caller)
    async with worker(house, 0.1):
        await house.finished(job_id)

    answers = [await call(house, who, "GET", f"{PATH}/{job_id}/download") for who in (caller, admin)]
    video = await house.http.get(answers[0].headers["Location"])

    job = await read(house, caller, f"/{job_id}")
    saved = f"{job['cloudinaryUrl']}?download"
    assert [(answer.status_code, answer.headers["Location"]) for answer in answers] == [(302, saved)] * 2
    assert (video.status_code, video.headers["Content-Type"]) == (200, "video/mp4")
    assert video.headers["Content-Disposition"] == f'attachment; filename="{job_id}.mp4"'
    assert "Content-Disposition" not in (await house.http.head(job["cloudinaryUrl"])).headers
    assert await refused(house, await house.user(), "GET", f"{PATH}/{job_id}/download") == NOT_FOUND


async def test_a_video_that_is_not_ready_cannot_be_downloaded(house: House) -> None:
    caller = await house.user(tokens=200)
    ids = {"FAILED": await house.create(caller), "CANCELLED": await house.create(caller)}
    await end(house, ids["FAILED"], "FAILED")
    await call(house, caller, "POST", f"{PATH}/{ids['CANCELLED']}/cancel")
    ids["RUNNING"] = await house.create(caller)
    async with worker(house, 600):
        await running(house, ids["RUNNING"])
    ids["PENDING"] = await house.create(caller)

    for status, job_id in ids.items():
        assert await refused(house, caller, "GET", f"{PATH}/{job_id}/download") == (
            400,
            f"Video is not ready yet. Current status: {status}",
        )


@pytest.mark.parametrize("by_admin", [False, True])
async def test_a_look_has_one_default_video_at_most(house: House, *, by_admin: bool) -> None:
    owner = await house.user()
    look = await house.look(owner)
    one, two = [await house.create(owner, lookId=look.id) for _ in range(2)]
    caller = await house.user(role=Role.ADMIN) if by_admin else owner
    steps = [
        ("set", one, {one: True, two: False}),
        ("set", one, {one: True, two: False}),
        ("set", two, {one: False, two: True}),
        ("unset", one, {one: False, two: True}),
        ("unset", two, {one: False, two: False}),
        ("unset", two, {one: False, two: False}),
    ]

    for verb, job_id, expected in steps:
        answer = await call(house, caller, "PATCH", f"{PATH}/{job_id}/{verb}-default-for-look/{look.id}")
        assert (answer.status_code, answer.json()) == (
            200,
            {
                "message": f"Video {verb} as default successfully",
                "videoId": job_id,
                "lookId": str(look.id),
                "isDefault": verb == "set",
            },
        )
        assert await defaults(house, owner, look.id) == expected


@pytest.mark.parametrize("verb", ["set", "unset"])
async def test_a_default_needs_a_look_and_a_video_of_ones_own_that_belong_together(house: House, verb: str) -> None:
    caller, other = await house.user(tokens=150), await house.user()
    look, empty_look, others_look = await house.look(caller), await house.look(caller), await house.look(other)
    job_id, others_job = await house.create(caller, lookId=look.id), await house.create(other, lookId=others_look.id)
    async with house.database.session() as session:
        await session.execute(text("UPDATE looks SET visibility = 'public'"))
    await call(house, caller, "PATCH", f"{PATH}/{job_id}/set-default-for-look/{look.id}")
    no_look = (404, "Look not found")
    expected = {
        (job_id, empty_look.id): (400, "This video is not associated with the look"),
        (job_id, others_look.id): no_look,
        (job_id, NOBODYS): no_look,
        (job_id, "no-uuid"): no_look,
        (others_job, look.id): NOT_FOUND,
        (others_job, others_look.id): NOT_FOUND,
        (NOBODYS, look.id): NOT_FOUND,
        ("no-uuid", look.id): NOT_FOUND,
        ("no-uuid", "no-uuid"): NOT_FOUND,
    }

    answers = {
        (job, in_look): await refused(house, caller, "PATCH", f"{PATH}/{job}/{verb}-default-for-look/{in_look}")
        for job, in_look in expected
    }

    assert answers == expected
    assert await defaults(house, caller, look.id) == {job_id: True}
    assert await defaults(house, caller, others_look.id) == {others_job: False}


@pytest.mark.parametrize(("status", "thumbnail"), [("SUCCEEDED", "video"), ("FAILED", "image")])
async def test_only_a_default_video_that_succeeded_stands_for_its_look(
    house: House, status: str, thumbnail: str
) -> None:
    caller = await house.user()
    look = await house.look(caller)
    job_id = await house.create(caller, lookId=look.id)
    await end(house, job_id, status)
    path = f"/api/v1/looks/{look.id}"
    before = (await call(house, caller, "GET", path)).json()

    await call(house, caller, "PATCH", f"{PATH}/{job_id}/set-default-for-look/{look.id}")

    after = (await call(house, caller, "GET", path)).json()
    urls = {"video": f"{house.base_url}/media/some.mp4", "image": before["generatedImageUrl"]}
    assert (before["defaultThumbnailType"], before["defaultThumbnailUrl"]) == ("image", urls["image"])
    assert (after["defaultThumbnailType"], after["defaultThumbnailUrl"]) == (thumbnail, urls[thumbnail])
