"""`/api/v1/video-jobs` as the legacy frontend knows it: spelling, status codes, bodies, headers."""

from typing import Any

import httpx
import pytest

from auth.caller import Role
from tests.house import FORM, House, multipart
from tests.schema.mutate import png

PATH = "/api/v1/video-jobs"
JOB_MEMBERS = {
    "id",
    "userId",
    "prompt",
    "model",
    "resolution",
    "aspectRatio",
    "durationSeconds",
    "generateAudio",
    "mockMode",
    "status",
    "statusMessage",
    "errorMessage",
    "progressPercentage",
    "logs",
    "cloudinaryUrl",
    "tokensConsumed",
    "createdAt",
    "startedAt",
    "completedAt",
    "updatedAt",
    "associatedLooks",
    # Beyond the contract:
    "progressIsEstimated",
    "queuePosition",
    "estimatedWaitSeconds",
    "thumbnailUrl",
    "videoDurationSeconds",
    "videoSizeBytes",
    "videoWidth",
    "videoHeight",
    "aiGenerated",
    "contentCredentials",
}
PNG = png("red")


async def post(house: House, *, path: str = PATH, files: list[Any] | None = None, **fields: Any) -> httpx.Response:
    headers = house.headers(await house.user())
    return await house.http.post(path, files=[*multipart(FORM | fields), *(files or [])], headers=headers)


async def test_the_answer_is_the_whole_job_with_its_location(house: House) -> None:
    answer = await post(house)

    job = answer.json()
    assert answer.status_code == 202
    assert set(job) == JOB_MEMBERS
    assert answer.headers["Location"] == f"{PATH}/{job['id']}"
    assert job["createdAt"].endswith("Z")
    assert [set(line) for line in job["logs"]] == [{"timestamp", "level", "message"}]
    assert [line["level"] for line in job["logs"]] == ["info"]
    assert "Idempotent-Replayed" not in answer.headers


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
async def test_a_trailing_slash_changes_nothing(house: House, path: str) -> None:
    answer = await post(house, path=path)
    read = await house.http.get(f"{answer.headers['Location']}/", headers=house.headers(await house.user()))

    assert answer.status_code == 202
    assert not answer.history
    assert read.json()["detail"] == "Video job not found"


@pytest.mark.parametrize("spelling", ["true", "True", "TRUE", "1", "yes", "on", " true "])
async def test_mock_mode_may_be_spelled_as_browsers_do(house: House, spelling: str) -> None:
    answer = await post(house, mockMode=spelling)

    assert answer.json()["mockMode"] is True


@pytest.mark.parametrize("spelling", ["false", "False", "0", "no", "off"])
async def test_a_spelled_out_false_asks_for_a_real_video(house: House, spelling: str) -> None:
    answer = await post(house, mockMode=spelling)

    assert (answer.status_code, answer.json()["code"]) == (503, "GENERATION_UNAVAILABLE")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mockMode", None),
        ("mockMode", ""),
        ("mockMode", "t"),
        ("mockMode", "ture"),
        ("mockMode", "2"),
        ("model", None),
        ("resolution", None),
        ("aspectRatio", None),
        ("durationSeconds", "eight"),
        ("durationSeconds", "0_8"),
        ("durationSeconds", "\u00a08"),
        ("expectedCost", "5_0"),
        ("generateAudio", "maybe"),
    ],
)
async def test_a_missing_or_mistyped_field_is_a_422_in_fastapis_shape(
    house: House, field: str, value: str | None
) -> None:
    caller = await house.user()
    before = await house.traces(caller)

    answer = await house.http.post(PATH, files=multipart(FORM | {field: value}), headers=house.headers(caller))

    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == [["body", field]]
    assert await house.traces(caller) == before


async def test_the_402_body_is_what_the_frontend_reads(house: House) -> None:
    caller = await house.user(tokens=20)

    answer = await house.http.post(PATH, files=multipart(FORM), headers=house.headers(caller))

    assert answer.status_code == 402
    assert answer.json()["detail"] == {
        "message": "Insufficient tokens. Operation 'video_generation' costs 50 tokens but you have 20.",
        "cost": 50,
        "availableTokens": 20,
    }


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"lookId": "no-uuid"}, 400), ({"resolution": "4k"}, 400), ({"prompt": None}, 400)],
)
async def test_refusals_have_the_contracts_status(house: House, fields: dict[str, Any], status: int) -> None:
    answer = await post(house, **fields)

    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], str)


async def test_a_fourth_active_job_is_a_429(house: House) -> None:
    caller = await house.user(tokens=1000)
    for _ in range(3):
        await house.create(caller)

    answer = await house.http.post(PATH, files=multipart(FORM), headers=house.headers(caller))

    assert answer.status_code == 429
    assert answer.json()["detail"] == (
        "Maximum 3 concurrent video jobs allowed. Please wait for existing jobs to complete."
    )


async def test_a_repeated_request_is_told_apart_from_another_one_with_its_key(house: House) -> None:
    headers = house.headers(await house.user(tokens=1000)) | {"Idempotency-Key": "once"}

    first, again = [await house.http.post(PATH, files=multipart(FORM), headers=headers) for _ in range(2)]
    other = await house.http.post(PATH, files=multipart(FORM | {"prompt": "Rain"}), headers=headers)

    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_the_look_may_be_named_in_the_query(house: House) -> None:
    caller = await house.user(tokens=1000)
    look, other = await house.look(caller), await house.look(caller)
    headers = house.headers(caller)

    in_query = await house.http.post(f"{PATH}?look_id={look.id}", files=multipart(FORM), headers=headers)
    in_both = await house.http.post(
        f"{PATH}?look_id={look.id}", files=multipart(FORM | {"lookId": str(look.id).upper()}), headers=headers
    )
    before = await house.traces(caller)
    different = await house.http.post(
        f"{PATH}?look_id={other.id}", files=multipart(FORM | {"lookId": look.id}), headers=headers
    )

    assert [shown["id"] for shown in in_query.json()["associatedLooks"]] == [str(look.id)]
    assert in_both.status_code == 202
    assert (different.status_code, different.json()["detail"]) == (400, "Invalid look_id")
    assert await house.traces(caller) == before


async def test_an_image_can_take_the_prompts_place(house: House) -> None:
    with_image = await post(house, prompt=None, files=[("initialImage", ("look.png", PNG, "image/png"))])
    with_empty_file = await post(house, prompt=None, files=[("initialImage", ("", b"", "application/octet-stream"))])

    assert with_image.status_code == 202
    assert (with_empty_file.status_code, with_empty_file.json()["code"]) == (400, "INVALID_INPUT")


async def test_four_reference_images_are_one_too_many(house: House) -> None:
    image = ("referenceImages", ("look.png", PNG, "image/png"))

    three = await post(house, files=[image] * 3)
    four = await post(house, files=[image] * 4)

    assert (three.status_code, four.status_code, four.json()["code"]) == (202, 400, "INVALID_INPUT")


async def test_a_job_is_read_by_its_owner_and_admins_only(house: House) -> None:
    owner = await house.user()
    path = f"{PATH}/{await house.create(owner)}"

    statuses = [
        (await house.http.get(path, headers=house.headers(caller))).status_code
        for caller in (owner, await house.user(role=Role.ADMIN), await house.user())
    ]

    assert statuses == [200, 200, 404]


@pytest.mark.parametrize("job_id", ["no-uuid", "00000000-0000-7000-8000-000000000000"])
async def test_an_unknown_or_malformed_id_is_a_404(house: House, job_id: str) -> None:
    answer = await house.http.get(f"{PATH}/{job_id}", headers=house.headers(await house.user()))

    assert (answer.status_code, answer.json()["detail"]) == (404, "Video job not found")


async def test_a_missing_token_is_a_401_that_names_the_scheme(house: House) -> None:
    answer = await house.http.post(PATH, files=multipart(FORM))

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["detail"] == "Could not validate credentials"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/v1/nothing", 404), ("PUT", PATH, 405), ("GET", "/media/nothing.mp4", 404)],
)
async def test_what_does_not_exist_is_told_in_json(house: House, method: str, path: str, status: int) -> None:
    answer = await house.http.request(method, path, headers=house.headers(await house.user()))

    assert answer.status_code == status
    assert answer.json()["detail"]


@pytest.mark.parametrize(("query", "sent"), [("?lookId=", None), ("", {"prompt": "Rain"}), ("", [])])
async def test_over_rest_a_retry_takes_nothing_that_it_would_not_use(house: House, query: str, sent: object) -> None:
    caller = await house.user(tokens=200)
    job_id = await house.create(caller)
    address, before = f"/api/v1/video-jobs/{job_id}/retry", await house.traces(caller)

    refused = await house.http.post(address + query, json=sent, headers=house.headers(caller))

    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_INPUT")
    assert await house.traces(caller) == before
    assert (await house.http.post(address, json={}, headers=house.headers(caller))).status_code == 202
