"""From a multipart request with images to a stored video, over both wires, with Google's own SDK against doubles."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from gql import Client, GraphQLRequest
from gql.transport.websockets import WebsocketsTransport

from app.settings import Settings
from auth.caller import Caller
from db.enums import VideoJobStatus
from media.video_properties import VideoProperties
from media.videos import probe
from tests.doubles.answers import error
from tests.house import eventually
from tests.inspected import InspectedDatabase
from tests.worker.studio import CHARGED, FRAMES, JPEG, LITE, PNG, REFERENCES, Studio, WireName, another_studio, wires

FRONTEND_IDS = {
    "veo-3.1-generate-preview": "veo-3.1-generate-001",
    "veo-3.1-fast-generate-preview": "veo-3.1-fast-generate-001",
}
FOLLOW = """subscription ($id: ID!) { videoJob(id: $id) {
  version status progressPercentage progressIsEstimated cloudinaryUrl } }"""


def on_the_wire(data: bytes, media_type: str) -> dict[str, str]:
    return {"bytesBase64Encoded": b64encode(data).decode(), "mimeType": media_type}


async def fetched(studio: Studio, url: str) -> bytes:
    answer = await studio.house.http.get(url)
    assert answer.status_code == 200
    return answer.content


async def properties_of(data: bytes, folder: Path) -> VideoProperties:
    file = folder / "fetched.mp4"
    await asyncio.to_thread(file.write_bytes, data)
    return await asyncio.to_thread(probe, file)


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
    properties = await properties_of(video, tmp_path)
    assert not properties.has_audio
    assert (body["model"], body["status"], body["progressPercentage"]) == (model, "SUCCEEDED", 100)
    assert (body["videoSizeBytes"], len(video)) == (properties.size_bytes, properties.size_bytes)
    assert (body["videoWidth"], body["videoHeight"]) == (properties.width, properties.height)
    assert body["videoDurationSeconds"] == properties.duration_seconds == 8.0
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
    assert (await properties_of(video, tmp_path)).has_audio
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
    studio: Studio, real_settings: Settings, database: InspectedDatabase, monkeypatch: pytest.MonkeyPatch
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
    studio: Studio, real_settings: Settings, database: InspectedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    caller = await studio.house.user()
    express = {"google_cloud_project": None, "google_express_api_key": "the key"}
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
    studio: Studio, real_settings: Settings, database: InspectedDatabase
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
