"""A job with images is made once more: Omni gets the same images in the same roles."""

import base64
from collections.abc import Sequence

import pytest

from auth.caller import Caller
from tests.worker.omni.house import OmniStudio
from tests.worker.studio import FRAMES, JPEG, REFERENCES, File, WireName, wires

RETRY = "mutation ($id: ID!) { retryVideoJob(input: { id: $id }) { videoJob { id } errors { __typename } } }"
MIXED = (("initialImage", JPEG), *REFERENCES[:2])


@wires
@pytest.mark.parametrize("files", [FRAMES, REFERENCES, MIXED], ids=["frames", "references", "mixed"])
async def test_a_retry_reaches_omni_with_the_same_images(
    studio: OmniStudio, over: WireName, files: Sequence[File]
) -> None:
    caller = await studio.house.user()
    first = await studio.created(caller, *files, over=over)
    async with studio.working():
        await studio.house.finished(first)
        again = await retried(studio, caller, first, over)
        job = await studio.house.finished(again)

    assert (job.status, job.error_message) == ("SUCCEEDED", None)
    one, other = studio.omni.creates
    assert (one.images, one.text) == (other.images, other.text)
    assert [data for data, _ in other.images] == [data for _, data in files]


@wires
async def test_a_retry_needs_no_prompt_where_the_first_had_the_looks_picture(
    studio: OmniStudio, over: WireName
) -> None:
    caller = await studio.house.user()
    picture = base64.b64encode(JPEG).decode()
    body = {"generatedImageBase64": picture, "products": [{"name": "Coat", "thumbnailBase64": picture}]}
    look = (await studio.house.http.post("/api/v1/looks", json=body, headers=studio.house.headers(caller))).json()["id"]
    first = await studio.created(caller, over=over, lookId=look, useLookImage="reference", prompt=None)
    async with studio.working():
        await studio.house.finished(first)
        await studio.house.http.delete(f"/api/v1/looks/{look}", headers=studio.house.headers(caller))
        job = await studio.house.finished(await retried(studio, caller, first, over))

    assert (job.status, job.error_message) == ("SUCCEEDED", None)
    one, other = studio.omni.creates
    assert (one.images, one.text) == (other.images, other.text)
    assert len(other.images) == 1


async def retried(studio: OmniStudio, caller: Caller, job_id: str, over: WireName) -> str:
    headers = studio.house.headers(caller)
    if over == "rest":
        answer = await studio.house.http.post(f"/api/v1/video-jobs/{job_id}/retry", headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])
    answer = await studio.house.http.post(
        "/graphql", json={"query": RETRY, "variables": {"id": job_id}}, headers=headers
    )
    payload = answer.json()["data"]["retryVideoJob"]
    assert payload["errors"] == []
    return str(payload["videoJob"]["id"])
