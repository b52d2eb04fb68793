"""A generator that cannot be asked is waited for; one whose answer cannot be read is given up soon, and aloud."""

import asyncio
import logging
from dataclasses import replace
from uuid import UUID

import pytest

from resolvers.ports import GeneratorUnreachable, ResultUnreadable, StillGenerating
from tests.house import House, eventually
from tests.worker.messages import UNREADABLE
from tests.worker.scripted import ScriptedGenerator
from tests.worker.test_generate import HASTE, context, job_of_somebody
from worker.service import generate

NO_BASE64 = ResultUnreadable("The video is no base64")
AWAY = GeneratorUnreachable("503 UNAVAILABLE")


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[int, bool]]:
    """Return the levels of what the worker logged, and whether a traceback came with it."""
    records = [record for record in caplog.records if record.name == "lookreel.worker"]
    return [(record.levelno, bool(record.exc_info)) for record in records]


async def test_a_result_that_cannot_be_read_ends_the_job_after_a_few_tries(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await job_of_somebody(house)
    generator = ScriptedGenerator([NO_BASE64])

    await generate(context(house, generator), job_id)

    job = await house.job(job_id)
    assert (job.status, job.error_code, job.error_message) == ("FAILED", "RESULT_UNREADABLE", UNREADABLE)
    assert len(generator.polled) == HASTE.result_tries == 6
    failures = [(level, shown) for level, shown in logged(caplog) if level > logging.INFO]
    assert failures == [(logging.ERROR, True), *[(logging.ERROR, False)] * 5, (logging.WARNING, False)]
    assert "operations/1" in caplog.text
    assert "The video is no base64" in caplog.text


@pytest.mark.parametrize("between", [AWAY, StillGenerating(None, 0.01)])
async def test_only_tries_in_a_row_count(house: House, between: Exception | StillGenerating) -> None:
    job_id = await job_of_somebody(house)
    unread = [NO_BASE64] * (HASTE.result_tries - 1)
    generator = ScriptedGenerator([*unread, between, *unread, None])

    await generate(context(house, generator), job_id)

    assert (await house.job(job_id)).status == "SUCCEEDED"
    assert len(generator.submitted) == 1


async def test_a_video_is_not_given_up_for_one_poll_without_an_answer_after_an_outage_of_ours(house: House) -> None:
    job_id = await job_of_somebody(house)
    generator = ScriptedGenerator([AWAY])
    late = replace(context(house, generator), retry_policy=replace(HASTE, generation_seconds=0))

    await generate(late, job_id)

    assert (await house.job(job_id)).error_code == "GENERATION_TIMED_OUT"
    assert len(generator.polled) == HASTE.result_tries == 6

    another = await job_of_somebody(house)
    generator.script[:] = [*[AWAY] * 5, None]
    await generate(late, another)
    assert (await house.job(another)).status == "SUCCEEDED"


@pytest.mark.parametrize("answer", [AWAY, StillGenerating(40, 0.01)], ids=["cannot be asked", "gets no further"])
async def test_a_cancelled_job_is_let_go_of_though_its_generator_says_nothing_new(
    house: House, answer: Exception | StillGenerating
) -> None:
    caller = await house.user()
    job_id = UUID(await house.create(caller))
    generator = ScriptedGenerator([answer])
    task = asyncio.create_task(generate(context(house, generator), job_id))

    async def polls() -> int:
        return len(generator.polled)

    await eventually(polls, lambda number: number > 3)
    await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))

    await asyncio.wait_for(task, 5)
    assert (await house.job(job_id)).status == "CANCELLED"
    assert generator.cancelled == ["operations/1"]


async def test_a_generator_that_cannot_be_asked_is_a_warning_at_once_and_waited_for(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await job_of_somebody(house)
    generator = ScriptedGenerator([*[AWAY] * 20, StillGenerating(None, 0.01), AWAY, None])

    await generate(context(house, generator), job_id)

    assert (await house.job(job_id)).status == "SUCCEEDED"
    assert logged(caplog) == [(logging.WARNING, False)] * 2
    assert "503 UNAVAILABLE" in caplog.text
