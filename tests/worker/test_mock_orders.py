"""Mock videos that fail, or take their time, because the prompt says so; real ones know nothing of it."""

import time
from dataclasses import replace

import pytest
from uuid_utils.compat import uuid7

from app.settings import Settings
from providers.mock.generator import MockGenerator
from resolvers import video_jobs
from resolvers.ports import Generated, GenerationFailed, NotAccepted, StillGenerating
from tests.house import House, eventually
from tests.providers.veo.asking import asked
from tests.wires import Wire
from tests.workers import at_work


async def test_a_mock_video_fails_with_the_code_that_the_prompt_names(
    wire: Wire, house: House, settings: Settings
) -> None:
    caller = await house.user()
    job_id = str(((await wire.create(caller, prompt="She turns [fail:CONTENT_FILTERED]")).job or {})["id"])

    async with at_work(settings, house.database):
        job = await house.finished(job_id)

    assert (job.status, job.error_code) == ("FAILED", "CONTENT_FILTERED")
    assert job.error_message == "This mock video was told to fail (CONTENT_FILTERED)."
    assert (await house.tokens(caller), job.tokens_consumed) == (50, 50)


@pytest.mark.parametrize(
    ("prompt", "seconds"),
    [
        ("[slow:60]", 60),
        ("She turns [slow:999] slowly", 600),
        ("She turns [slow:86400] slowly", 600),
        ("[slow:0]", 1),
        ("[slow:x]", 8),
        ("slow:60", 8),
        (None, 8),
    ],
)
async def test_a_mock_video_takes_as_long_as_the_prompt_says(
    prompt: str | None, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock = MockGenerator(8)
    name = await mock.submit(asked(prompt=prompt))
    began = time.time()

    outcomes = []
    for elapsed in (seconds - 1, seconds + 1):
        monkeypatch.setattr("providers.mock.generator.time.time", lambda elapsed=elapsed: began + elapsed)
        outcomes.append(type(await mock.poll(name)))

    assert outcomes == [StillGenerating, Generated]


@pytest.mark.parametrize(
    "prompt", ["[fail:]", "[fail:no/such]", "[fail:lower]", "fail:CONTENT_FILTERED", "queue", "[queue:x]"]
)
async def test_what_is_no_order_is_a_prompt(prompt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mock = MockGenerator(8)
    name = await mock.submit(replace(asked(prompt=prompt), video_job_id=uuid7()))
    later = time.time() + 9
    monkeypatch.setattr("providers.mock.generator.time.time", lambda: later)

    assert isinstance(await mock.poll(name), Generated)


async def test_a_mock_video_waits_until_it_is_cancelled_and_its_tokens_come_back(
    wire: Wire, house: House, settings: Settings
) -> None:
    caller = await house.user()
    job_id = str(((await wire.create(caller, prompt="She turns [queue]")).job or {})["id"])

    async with at_work(settings, house.database):
        waiting = await eventually(lambda: house.job(job_id), lambda job: "generator" in job.status_message)
        async with house.database.transaction() as transaction:
            await video_jobs.cancel(transaction, caller, waiting.id)
        other = await house.finished(await house.create(caller))

    job = await house.job(job_id)
    assert (waiting.status, waiting.status_message) == ("PENDING", "Waiting for the generator (Mock Mode)")
    assert (waiting.submission, waiting.started_at) == ("NEW", None)
    assert (job.status, other.status) == ("CANCELLED", "SUCCEEDED")
    assert await house.tokens(caller) == 50


@pytest.mark.usefixtures("hurried")
async def test_a_mock_video_that_has_waited_is_made(wire: Wire, house: House, settings: Settings) -> None:
    job_id = str(((await wire.create(await house.user(), prompt="[queue:1] She turns")).job or {})["id"])

    async with at_work(settings, house.database):
        job = await house.finished(job_id)

    assert job.status == "SUCCEEDED"
    assert job.started_at is not None
    assert (job.started_at - job.created_at).total_seconds() >= 0.9


@pytest.mark.parametrize(
    ("prompt", "seconds"),
    [("[queue]", 600), ("[queue:60]", 60), ("[queue:999]", 600), ("[queue:86400]", 600), ("[queue:0]", 1)],
)
async def test_a_mock_video_waits_for_as_long_as_the_prompt_says(prompt: str, seconds: int) -> None:
    with pytest.raises(NotAccepted) as caught:
        await MockGenerator(8).submit(replace(asked(prompt=prompt), video_job_id=uuid7()))

    assert caught.value.is_certain
    assert seconds - 0.9 <= (caught.value.retry_after_seconds or 0) <= seconds


@pytest.mark.parametrize("over", ["rest", "graphql"])
async def test_the_words_are_listed_with_the_models(house: House, over: str) -> None:
    caller = await house.user()
    if over == "rest":
        answer = await house.http.get("/api/v1/video-models", headers=house.headers(caller))
        models = answer.json()["models"]
    else:
        models = (await house.graphql(caller, "{ videoModels { mockWords } }"))["data"]["videoModels"]

    assert {tuple(model["mockWords"]) for model in models} == {
        ("[fail:CODE]", "[slow:SECONDS]", "[queue]", "[queue:SECONDS]")
    }


async def test_an_operation_of_an_earlier_release_is_followed() -> None:
    mock = MockGenerator(8)

    done = await mock.poll(f"mock-operations/720p,16:9,8,audio/{time.time() - 9:.3f}")

    assert isinstance(done, Generated)
    for unknown in ("operations/1", "mock-operations/720p,16:9,8,audio/1/2.0"):
        with pytest.raises(GenerationFailed) as caught:
            await mock.poll(unknown)
        assert caught.value.code == "OPERATION_NOT_FOUND"
