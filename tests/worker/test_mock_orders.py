"""Mock videos that fail, or take their time, because the prompt says so; real ones know nothing of it."""

import time

import pytest

from app.settings import Settings
from providers.mock.generator import MockGenerator
from resolvers.ports import Generated, GenerationFailed, StillGenerating
from tests.house import House
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


@pytest.mark.parametrize("prompt", ["[fail:]", "[fail:no/such]", "[fail:lower]", "fail:CONTENT_FILTERED"])
async def test_what_is_no_order_is_a_prompt(prompt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mock = MockGenerator(8)
    name = await mock.submit(asked(prompt=prompt))
    later = time.time() + 9
    monkeypatch.setattr("providers.mock.generator.time.time", lambda: later)

    assert isinstance(await mock.poll(name), Generated)


async def test_an_operation_of_an_earlier_release_is_followed() -> None:
    mock = MockGenerator(8)

    done = await mock.poll(f"mock-operations/720p,16:9,8,audio/{time.time() - 9:.3f}")

    assert isinstance(done, Generated)
    for unknown in ("operations/1", "mock-operations/720p,16:9,8,audio/1/2.0"):
        with pytest.raises(GenerationFailed) as caught:
            await mock.poll(unknown)
        assert caught.value.code == "OPERATION_NOT_FOUND"
