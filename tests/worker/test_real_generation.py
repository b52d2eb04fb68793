"""From a multipart request with images to a stored video, over both wires, with Google's own SDK against doubles."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import PIL.Image
import pytest
from gql import Client, GraphQLRequest
from gql.transport.websockets import WebsocketsTransport
from sqlalchemy import select

from app.settings import Settings
from auth.caller import Caller
from db.models import FileRemoval, ImageRole, VideoJob, VideoJobImage, VideoJobStatus
from db.session import Database
from resolvers.video_facts import VideoFacts
from resolvers.videos import inspect
from tests.doubles.answers import error
from tests.house import House, eventually
from tests.servers import serving
from tests.worker.studio import CHARGED, File, Said, Studio, WireName, ended, picture

FRONTEND_IDS = {
    "veo-3.1-generate-preview": "veo-3.1-generate-001",
    "veo-3.1-fast-generate-preview": "veo-3.1-fast-generate-001",
}
LITE = "veo-3.1-lite-generate-001"
JPEG, PNG = picture("JPEG"), picture("PNG")
FRAMES: Sequence[File] = (("initialImage", JPEG), ("endFrame", PNG))
REFERENCES: Sequence[File] = tuple(("referenceImages", picture("PNG", color)) for color in ("maroon", "navy", "olive"))
FOLLOW = """subscription ($id: ID!) { videoJob(id: $id) {
  version status progressPercentage progressIsEstimated cloudinaryUrl } }"""

wires = pytest.mark.parametrize("over", ["rest", "graphql"])


def on_the_wire(data: bytes, media_type: str) -> dict[str, str]:
    return {"bytesBase64Encoded": b64encode(data).decode(), "mimeType": media_type}


async def fetched(studio: Studio, url: str) -> bytes:
    answer = await studio.house.http.get(url)
    assert answer.status_code == 200
    return answer.content


async def facts_of(data: bytes, folder: Path) -> VideoFacts:
    file = folder / "fetched.mp4"
    await asyncio.to_thread(file.write_bytes, data)
    return await asyncio.to_thread(inspect, file)


# The way of a video


@wires
@pytest.mark.parametrize("model", FRONTEND_IDS)
async def test_a_video_between_two_frames(studio: Studio, over: WireName, model: str, tmp_path: Path) -> None:
    caller = await studio.house.user()
    look = await studio.house.look(caller)
    job_id = await studio.created(
        caller, *FRAMES, over=over, model=f"models/{model}", resolution="1080p", aspectRatio="9:16", lookId=str(look.id)
    )
    held = dict(studio.cloudinary.files)
    async with studio.working():
        job = await studio.house.finished(job_id)
        await eventually(lambda: removed(studio), lambda keys: len(keys) == 2)

    assert (job.status, job.error_message) == (VideoJobStatus.SUCCEEDED, None)
    (submit,) = studio.veo.submits
    assert submit.model == FRONTEND_IDS[model]
    assert submit.body == {
        "instances": [
            {
                "prompt": "The model turns slowly",
                "image": on_the_wire(JPEG, "image/jpeg"),
                "lastFrame": on_the_wire(PNG, "image/png"),
            }
        ],
        "parameters": {
            "sampleCount": 1,
            "durationSeconds": 8,
            "aspectRatio": "9:16",
            "resolution": "1080p",
            "generateAudio": False,
        },
    }
    assert submit.headers["authorization"] == "Bearer token-1"
    assert (
        f"/projects/lookreel-test/locations/us-central1/publishers/google/models/{FRONTEND_IDS[model]}:" in submit.path
    )
    body = await studio.read(caller, job_id)
    video = await fetched(studio, body["cloudinaryUrl"])
    facts = await facts_of(video, tmp_path)
    assert not facts.has_audio
    assert (body["model"], body["status"], body["progressPercentage"]) == (model, "SUCCEEDED", 100)
    assert (body["videoSizeBytes"], len(video)) == (facts.size_bytes, facts.size_bytes)
    assert (body["videoWidth"], body["videoHeight"]) == (facts.width, facts.height)
    assert body["videoDurationSeconds"] == facts.duration_seconds == 8.0
    with PIL.Image.open(BytesIO(await fetched(studio, body["thumbnailUrl"]))) as poster:
        assert poster.format == "JPEG"
    (operation,) = studio.veo.accepted
    assert await studio.log(job_id) == [
        ("INFO", "Video job created, 50 tokens charged"),
        ("INFO", f"Generation started by {FRONTEND_IDS[model]}, operation {operation.rpartition('/')[2]}"),
        ("INFO", "Video stored"),
    ]
    assert await studio.money(caller) == CHARGED
    assert [key[0] for key in held] == ["image", "image"]
    assert set(studio.cloudinary.destroyed) == set(held)
    assert list(studio.cloudinary.files) == [("video", f"lookreel/{job_id}")]
    assert await shown(studio, caller, look.id) == [(job_id, body["cloudinaryUrl"])]


@wires
@pytest.mark.parametrize("model", FRONTEND_IDS)
async def test_a_video_with_reference_images(studio: Studio, over: WireName, model: str, tmp_path: Path) -> None:
    caller = await studio.house.user()
    job_id = await studio.created(caller, *REFERENCES, over=over, model=model, generateAudio="true")
    async with studio.working():
        job = await studio.house.finished(job_id)
        await eventually(lambda: removed(studio), lambda keys: len(keys) == 3)

    assert (job.status, job.error_message) == (VideoJobStatus.SUCCEEDED, None)
    (submit,) = studio.veo.submits
    assert submit.model == FRONTEND_IDS[model]
    assert submit.body["instances"] == [
        {
            "prompt": "The model turns slowly",
            "referenceImages": [
                {"image": on_the_wire(data, "image/png"), "referenceType": "ASSET"} for _, data in REFERENCES
            ],
        }
    ]
    assert (submit.body["parameters"]["generateAudio"], submit.body["parameters"]["durationSeconds"]) == (True, 8)
    video = await fetched(studio, (await studio.read(caller, job_id))["cloudinaryUrl"])
    assert (await facts_of(video, tmp_path)).has_audio
    assert video == studio.veo.video
    assert await studio.money(caller) == CHARGED


@wires
async def test_a_first_image_is_enough(studio: Studio, over: WireName) -> None:
    caller = await studio.house.user()
    job_id = await studio.created(caller, ("initialImage", PNG), over=over, prompt=None, durationSeconds="4")
    async with studio.working():
        job = await studio.house.finished(job_id)

    assert job.status == VideoJobStatus.SUCCEEDED
    (submit,) = studio.veo.submits
    assert submit.body["instances"] == [{"image": on_the_wire(PNG, "image/png")}]
    assert submit.body["parameters"]["durationSeconds"] == 4


async def test_a_video_from_a_bucket(
    studio: Studio, real_settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", studio.front.url)
    caller = await studio.house.user()
    async with another_studio(studio, real_settings, database, veo_output_gcs_uri="gs://ours/videos") as with_bucket:
        job_id = await with_bucket.created(caller)
        async with with_bucket.working():
            job = await with_bucket.house.finished(job_id)

    assert (job.status, job.error_message) == (VideoJobStatus.SUCCEEDED, None)
    assert list(studio.veo.bucket) == [f"gs://ours/videos/{job_id}-1/sample_0.mp4"]
    assert studio.cloudinary.uploads_of(f"lookreel/{job_id}") == 1


async def test_express_mode(
    studio: Studio, real_settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    caller = await studio.house.user()
    express = {"google_cloud_project": None, "google_api_key": "the key"}
    async with another_studio(studio, real_settings, database, **express) as studio_with_key:
        job_id = await studio_with_key.created(caller, *FRAMES)
        async with studio_with_key.working():
            job = await studio_with_key.house.finished(job_id)

    assert (job.status, job.error_message) == (VideoJobStatus.SUCCEEDED, None)
    (submit,) = studio.veo.submits
    assert submit.headers["x-goog-api-key"] == "the key"
    assert "authorization" not in submit.headers
    assert (submit.model, studio.veo.tokens) == ("veo-3.1-generate-001", 0)
    assert await studio.money(caller) == CHARGED


async def test_an_operator_maps_an_id_to_another_model(
    studio: Studio, real_settings: Settings, database: Database
) -> None:
    mapping = {"veo-3.1-generate-preview": LITE}
    caller = await studio.house.user()
    async with another_studio(studio, real_settings, database, veo_models=mapping) as mapped:
        job_id = await mapped.created(caller)
        async with mapped.working():
            job = await mapped.house.finished(job_id)

    assert (job.status, job.model) == (VideoJobStatus.SUCCEEDED, "veo-3.1-generate-preview")
    assert [submit.model for submit in studio.veo.submits] == [LITE]
    assert f"Generation started by {LITE}, " in (await studio.log(job_id))[1][1]


async def test_the_images_of_a_failed_job_go_too(studio: Studio) -> None:
    caller = await studio.house.user()
    studio.veo.script_submit(error(400, "No."))
    job_id = await studio.created(caller, *FRAMES)
    held = set(studio.cloudinary.files)
    async with studio.working():
        job = await studio.house.finished(job_id)
        await eventually(lambda: removed(studio), lambda keys: len(keys) == 2)

    assert job.status == VideoJobStatus.FAILED
    assert set(studio.cloudinary.destroyed) == held
    assert studio.cloudinary.files == {}


async def removed(studio: Studio) -> list[tuple[str, str]]:
    return list(studio.cloudinary.destroyed)


async def shown(studio: Studio, caller: Caller, look_id: object) -> list[tuple[str, str]]:
    answer = await studio.house.http.get(f"/api/v1/looks/{look_id}", headers=studio.house.headers(caller))
    return [(video["id"], video["cloudinaryUrl"]) for video in answer.json()["videos"]]


@asynccontextmanager
async def another_studio(
    studio: Studio, settings: Settings, database: Database, **changes: Any
) -> AsyncIterator[Studio]:
    """Yield a studio with other settings before the same doubles."""
    changed = settings.model_copy(update=changes)
    async with serving(changed, database) as url, House.opened(changed, database, url) as house:
        yield Studio(house, studio.front, studio.cloudinary)


# Progress


async def test_progress_is_an_estimate_that_never_goes_back(studio: Studio) -> None:
    caller = await studio.house.user()
    async with studio.working():
        await studio.house.finished(await studio.created(caller))
    # A run of less than a second is known now, by which this one is reckoned.
    studio.veo.seconds_until_done = 1.2
    job_id = await studio.created(caller)
    async with studio.working():
        seen = [job async for job in follow(studio, caller, job_id)]

    working = [job for job in seen if job["status"] == "RUNNING"]
    assert [job["version"] for job in seen] == sorted({job["version"] for job in seen})
    percentages = [job["progressPercentage"] for job in seen]
    assert percentages == sorted(percentages)
    reported = [job for job in working if job["progressPercentage"]]
    assert len(reported) >= 5
    assert all(job["progressIsEstimated"] and job["progressPercentage"] < 99 for job in reported)
    last = seen[-1]
    assert (last["status"], last["progressPercentage"], last["progressIsEstimated"]) == ("SUCCEEDED", 100, False)
    assert [job["status"] for job in seen if job["progressPercentage"] == 100] == ["SUCCEEDED"]
    assert all((job["cloudinaryUrl"] is None) == (job is not last) for job in seen)


async def follow(studio: Studio, caller: Caller, job_id: str) -> AsyncIterator[dict[str, Any]]:
    transport = WebsocketsTransport(
        url=f"{studio.house.base_url.replace('http', 'ws', 1)}/graphql",
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        headers=studio.house.headers(caller),
    )
    async with Client(transport=transport) as session:
        async for answer in session.subscribe(GraphQLRequest(FOLLOW, variable_values={"id": job_id})):
            yield answer["videoJob"]


# What is refused

FAST = {"model": "veo-3.1-fast-generate-preview"}
IMPOSSIBLE: list[tuple[dict[str, Any], Sequence[File], str]] = [
    (
        {"resolution": "1080p", "durationSeconds": "4"},
        (),
        "With 1080p, veo-3.1-generate-preview makes videos of 8 seconds only",
    ),
    (
        FAST | {"resolution": "1080p", "durationSeconds": "4", "aspectRatio": "9:16"},
        (("initialImage", JPEG),),
        "With 1080p, veo-3.1-fast-generate-preview makes videos of 8 seconds only",
    ),
    ({}, (("endFrame", PNG),), "An 'endFrame' needs an 'initialImage'"),
    ({"durationSeconds": "4"}, FRAMES, "A video with an 'endFrame' has 8 seconds"),
    (
        {},
        (("initialImage", JPEG), *REFERENCES),
        "'referenceImages' do not go together with 'initialImage' or 'endFrame'",
    ),
    ({"durationSeconds": "4"}, REFERENCES, "A video with 'referenceImages' has 8 seconds"),
    ({"model": LITE}, REFERENCES[:1], f"{LITE} takes no 'referenceImages'"),
]


@wires
@pytest.mark.parametrize(("fields", "files", "message"), IMPOSSIBLE, ids=[message for *_, message in IMPOSSIBLE])
async def test_what_veo_cannot_make_is_refused_for_real_videos_alone(
    studio: Studio, over: WireName, fields: dict[str, Any], files: Sequence[File], message: str
) -> None:
    caller = await studio.house.user()

    await is_refused(studio, caller, *files, over=over, message=message, **fields)

    as_a_mock = await studio.create(caller, *files, over=over, **fields | {"mockMode": "true"})
    assert as_a_mock.job is not None
    assert await studio.money(caller) == CHARGED


@wires
@pytest.mark.parametrize("mock_mode", ["true", "false"])
@pytest.mark.parametrize(
    ("fields", "files", "message"),
    [
        ({"prompt": None}, (), "Either 'prompt' or 'initialImage' is required"),
        ({"prompt": None}, REFERENCES, "Either 'prompt' or 'initialImage' is required"),
        ({}, (*REFERENCES, REFERENCES[0]), "At most 3 reference images are taken"),
        ({"durationSeconds": "6"}, (), "Duration must be 4 or 8 seconds"),
    ],
)
async def test_some_things_are_refused_for_mock_videos_too(  # noqa: PLR0913 - a table of what is asked and answered
    studio: Studio, over: WireName, fields: dict[str, Any], files: Sequence[File], message: str, *, mock_mode: str
) -> None:
    caller = await studio.house.user()

    await is_refused(studio, caller, *files, over=over, message=message, mockMode=mock_mode, **fields)


NO_IMAGES = {
    "text": (b"I am no picture.", "is not an image (JPEG, PNG, WebP or GIF)"),
    "GIF": (picture("GIF"), "must be a JPEG or PNG image"),
    "half a JPEG": (JPEG[: len(JPEG) // 2], "is not an image (JPEG, PNG, WebP or GIF)"),
    "a JPEG without its end": (JPEG[:-2], "is not an image (JPEG, PNG, WebP or GIF)"),
    "a PNG cut off": (PNG[:-20], "is not an image (JPEG, PNG, WebP or GIF)"),
}


@wires
@pytest.mark.parametrize("name", ["initialImage", "endFrame", "referenceImages"])
@pytest.mark.parametrize("kind", NO_IMAGES)
async def test_a_file_that_is_no_picture_is_refused(studio: Studio, over: WireName, name: str, kind: str) -> None:
    caller = await studio.house.user()
    data, complaint = NO_IMAGES[kind]
    others = [("initialImage", JPEG)] if name == "endFrame" else []

    await is_refused(studio, caller, *others, (name, data), over=over, message=f"{name} {complaint}")


async def is_refused(studio: Studio, caller: Caller, *files: File, over: WireName, message: str, **fields: Any) -> None:
    before = await studio.traces(caller)

    said = await studio.create(caller, *files, over=over, **fields)

    assert said == Said(400 if over == "rest" else 200, code="INVALID_INPUT", message=message)
    assert await studio.traces(caller) == before
    assert await studio.rows(FileRemoval) == 0
    assert (studio.cloudinary.uploads, studio.veo.submits) == ([], [])


@wires
@pytest.mark.parametrize("kept", [0, 1])
async def test_images_that_cannot_be_stored_cost_nothing(studio: Studio, over: WireName, kept: int) -> None:
    caller = await studio.house.user()
    before = await studio.traces(caller)
    answers: list[Any] = ["drop after"] if kept else ["HTML"]
    studio.cloudinary.faults.extend(answers)

    said = await studio.create(caller, *FRAMES, over=over)

    assert said == Said(
        503 if over == "rest" else 200,
        code="IMAGES_NOT_STORED",
        message="The images could not be stored at the moment. Nothing was charged. Please try again.",
    )
    assert await studio.traces(caller) == before
    assert len(studio.cloudinary.uploads) == kept
    assert (await studio.rows(FileRemoval), await studio.due_removals()) == (2, 2)
    async with studio.working():
        await eventually(studio.due_removals, lambda rows: rows == 0)
        await eventually(lambda: studio.rows(FileRemoval), lambda rows: rows == 0)
    assert (studio.cloudinary.files, len(studio.cloudinary.destroyed)) == ({}, kept)


@wires
async def test_without_tokens_no_image_is_stored(studio: Studio, over: WireName) -> None:
    caller = await studio.house.user(tokens=49)
    before = await studio.traces(caller)

    said = await studio.create(caller, *FRAMES, over=over)

    assert (said.status, said.code) == (402 if over == "rest" else 200, "INSUFFICIENT_TOKENS")
    assert await studio.traces(caller) == before
    assert (studio.cloudinary.uploads, await studio.rows(FileRemoval)) == ([], 0)


# Repeated requests


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
        await eventually(lambda: studio.rows(FileRemoval), lambda rows: rows == 0)

    assert {answer.job["id"] for answer in answers if answer.job} == {str(job.id)}
    assert [answer.replayed for answer in answers].count(False) == 1
    assert job.status == VideoJobStatus.SUCCEEDED
    assert await studio.house.charges(caller) == 1
    # What the others had stored before the first one had written its job is gone as well.
    assert list(studio.cloudinary.files) == [("video", f"lookreel/{job.id}")]


async def images_of(studio: Studio, job_id: str) -> list[tuple[str, str]]:
    rows = select(VideoJobImage).where(VideoJobImage.video_job_id == job_id).order_by(VideoJobImage.role)
    async with studio.house.database.transaction() as session:
        return [(row.role, row.media_type) for row in await session.scalars(rows)]


# Waiting


async def test_jobs_wait_for_the_pace_and_say_where_they_stand(
    studio: Studio, real_settings: Settings, database: Database
) -> None:
    callers = [await studio.house.user() for _ in range(4)]
    async with another_studio(studio, real_settings, database, submits_per_minute=60) as paced:
        async with paced.working():
            await paced.house.finished(await paced.created(callers[0]))
        job_ids = [await paced.created(caller) for caller in callers[1:]]
        bodies = [await paced.read(caller, id_) for caller, id_ in zip(callers[1:], job_ids, strict=True)]
        async with paced.working():
            jobs = [await paced.house.finished(job_id) for job_id in job_ids]

    assert [body["status"] for body in bodies] == ["PENDING"] * 3
    assert [body["queuePosition"] for body in bodies] == [1, 2, 3]
    assert [body["estimatedWaitSeconds"] for body in bodies] == [0, 1, 2]
    assert all(body["startedAt"] is None for body in bodies)
    assert [job.status for job in jobs] == [VideoJobStatus.SUCCEEDED] * 3
    turns = sorted(job.submit_not_before for job in jobs if job.submit_not_before)
    assert len(turns) == len(studio.veo.submits) - 1 == 3
    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in pairwise(turns))
    for job in jobs:
        assert job.submit_not_before is not None
        assert job.started_at is not None
        assert job.started_at >= job.submit_not_before
    for caller, job_id in zip(callers[1:], job_ids, strict=True):
        body = await studio.read(caller, job_id)
        assert (body["queuePosition"], body["estimatedWaitSeconds"]) == (None, None)


async def test_a_job_that_waits_is_cancelled_without_a_submit(
    studio: Studio, real_settings: Settings, database: Database
) -> None:
    callers = [await studio.house.user() for _ in range(2)]
    async with another_studio(studio, real_settings, database, submits_per_minute=1) as paced, paced.working():
        await paced.house.finished(await paced.created(callers[0]))
        waiting = await paced.created(callers[1])
        await eventually(lambda: paced.house.job(waiting), lambda job: job.submit_not_before is not None)
        answer = await cancelled(paced, callers[1], waiting)

    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")
    assert len(studio.veo.submits) == 1
    assert (await studio.house.tokens(callers[1]), (await studio.money(callers[1])).refunds) == (100, 1)


async def cancelled(studio: Studio, caller: Caller, job_id: str) -> httpx.Response:
    return await studio.house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=studio.house.headers(caller))


async def test_no_more_generations_run_at_once_than_allowed(
    studio: Studio, real_settings: Settings, database: Database
) -> None:
    callers = [await studio.house.user() for _ in range(5)]
    studio.veo.polls_until_done = 3
    async with another_studio(studio, real_settings, database, generations_at_once=2) as small:
        for caller in callers:
            await small.created(caller)
        async with small.working():
            jobs = await ended(small)

    assert [job.status for job in jobs] == [VideoJobStatus.SUCCEEDED] * 5
    assert len(studio.veo.submits) == 5
    assert max(running_at(job, jobs) for job in jobs) == 2


def running_at(job: VideoJob, jobs: Sequence[VideoJob]) -> int:
    """Count the jobs that ran when one began."""
    begun = job.started_at
    assert begun is not None
    return sum(
        bool(other.started_at and other.completed_at and other.started_at <= begun < other.completed_at)
        for other in jobs
    )
