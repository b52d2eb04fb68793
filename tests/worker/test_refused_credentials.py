"""Google refuses our credentials: nobody pays for that, new jobs are refused, and those that wait go on afterwards."""

import logging
from collections.abc import Sequence
from typing import Any

import pytest

from db.enums import VideoJobStatus
from tests.house import FORM, eventually, multipart
from tests.worker.messages import MISCONFIGURED
from tests.worker.refused_credentials import (
    DEGRADED,
    PATIENT,
    REFUSED,
    SUSPENDED,
    WELL,
    found_out,
    health,
    is_suspended,
    refusal_is_known,
)
from tests.worker.studio import CHARGED, FRAMES, REFUNDED, Studio, WireName, wires

# Who finds it out


async def test_the_job_that_finds_it_out_fails_loudly_and_its_tokens_come_back_whatever_is_set(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    assert not studio.house.settings.refund_failed_jobs
    before = await health(studio)

    caller, job = await found_out(studio)

    assert (before, await health(studio)) == (WELL, DEGRADED)
    assert (job.error_code, job.error_message) == ("GENERATOR_MISCONFIGURED", MISCONFIGURED)
    assert await studio.money(caller) == REFUNDED
    assert (await studio.log(str(job.id)))[1:] == [("ERROR", MISCONFIGURED), ("INFO", "50 tokens refunded")]
    loud = [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]
    assert loud == ["The generator does not let us in: Permission denied on project"]
    assert (len(studio.veo.submits), (await studio.house.traces(caller)).queued) == (1, 0)


async def test_a_job_that_is_cancelled_while_it_finds_out_lets_everybody_know(studio: Studio) -> None:
    caller = await studio.house.user()
    studio.veo.script_submit(REFUSED)
    studio.front.submit_seconds = 0.5
    async with studio.working(PATIENT):
        job_id = await studio.created(caller)
        await eventually(lambda: submits(studio), lambda number: number == 1)
        headers = studio.house.headers(caller)
        answer = await studio.house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=headers)
        await eventually(lambda: health(studio), lambda seen: seen == DEGRADED)

    assert (answer.status_code, (await studio.house.job(job_id)).status) == (200, VideoJobStatus.CANCELLED)
    await is_suspended(studio, "rest")


async def submits(studio: Studio) -> int:
    return len(studio.veo.submits)


# Who comes while it is known


@wires
@pytest.mark.parametrize("files", [(), FRAMES], ids=["no images", "images"])
async def test_real_videos_are_refused_before_they_cost_anything_while_it_is_known(
    studio: Studio, over: WireName, files: Sequence[Any]
) -> None:
    await refusal_is_known(studio)

    await is_suspended(studio, over, *files)
    await is_suspended(studio, over, *files, durationSeconds="4" if not files else "8", generateAudio="true")

    assert (len(studio.veo.submits), await health(studio)) == (0, DEGRADED)


async def test_both_wires_say_when_to_come_again(studio: Studio) -> None:
    await refusal_is_known(studio)
    caller = await studio.house.user()
    fields = FORM | {"mockMode": False}
    create = """mutation ($input: CreateVideoJobInput!) { createVideoJob(input: $input) {
      errors { __typename ... on GenerationSuspended { code field message retryAfterSeconds } } } }"""

    over_rest = await studio.house.http.post(
        "/api/v1/video-jobs", files=multipart(fields), headers=studio.house.headers(caller)
    )
    over_graphql = await studio.house.graphql(caller, create, input=fields)

    assert (over_rest.status_code, over_rest.headers["Retry-After"]) == (503, "60")
    assert {name: over_rest.json()[name] for name in ("detail", "code")} == {
        "detail": SUSPENDED,
        "code": "GENERATION_SUSPENDED",
    }
    assert over_graphql["data"]["createVideoJob"]["errors"] == [
        {
            "__typename": "GenerationSuspended",
            "code": "GENERATION_SUSPENDED",
            "field": None,
            "message": SUSPENDED,
            "retryAfterSeconds": 60,
        }
    ]


@pytest.mark.parametrize("mock_mode", [True, False])
async def test_a_quote_says_it_too(studio: Studio, *, mock_mode: bool) -> None:
    await refusal_is_known(studio)
    caller = await studio.house.user()
    quote = """query ($input: CreateVideoJobInput!) { videoJobQuote(input: $input) {
      cost balance errors { ... on UserError { code } } } }"""

    said = await studio.house.graphql(caller, quote, input=FORM | {"mockMode": mock_mode, "lookId": "nothing"})

    codes = ([] if mock_mode else ["GENERATION_SUSPENDED"]) + ["INVALID_LOOK"]
    errors = [{"code": code} for code in codes]
    assert said["data"]["videoJobQuote"] == {"cost": 50, "balance": 100, "errors": errors}


async def test_a_job_is_not_made_anew_while_it_is_known(studio: Studio) -> None:
    caller, job = await found_out(studio)
    retry = """mutation ($id: ID!) { retryVideoJob(input: { id: $id }) { videoJob { id }
      errors { ... on UserError { code } } } }"""

    said = await studio.house.graphql(caller, retry, id=str(job.id))

    payload = said["data"]["retryVideoJob"]
    assert payload == {"videoJob": None, "errors": [{"code": "GENERATION_SUSPENDED"}]}
    assert await studio.money(caller) == REFUNDED


@wires
async def test_broken_fields_are_told_first(studio: Studio, over: WireName) -> None:
    await refusal_is_known(studio)

    said = await studio.create(await studio.house.user(), over=over, resolution="4k")

    assert said.code == "INVALID_INPUT"


@wires
async def test_a_repeated_request_gets_the_job_that_it_has_made_before(studio: Studio, over: WireName) -> None:
    caller = await studio.house.user()
    first = await studio.created(caller, over=over, idempotencyKey="once")
    async with studio.working():
        await studio.house.finished(first)
    await refusal_is_known(studio)

    again = await studio.create(caller, over=over, idempotencyKey="once")

    assert again.job is not None
    assert (again.job["id"], again.replayed) == (first, True)
    assert await studio.money(caller) == CHARGED


@wires
async def test_mock_videos_are_made_as_before(studio: Studio, over: WireName) -> None:
    await refusal_is_known(studio)
    caller = await studio.house.user()

    async with studio.working():
        job = await studio.house.finished(await studio.created(caller, over=over, mockMode="true"))

    assert job.status == VideoJobStatus.SUCCEEDED
    assert (await studio.money(caller), await health(studio)) == (CHARGED, DEGRADED)
