"""What a worker has learned of a submit is written down, though the database is away or something else goes wrong."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from pgqueuer.errors import RetryRequested

from db import submission_pace
from db.engine.errors import DatabaseUnavailable
from db.enums import Submission, VideoJobStatus
from resolvers import submission
from resolvers.ports import GenerationInterrupted, GenerationRequest, GeneratorMisconfigured, NotAccepted
from tests.house import House, eventually
from tests.resolvers.stages import books
from tests.worker.scripted import ScriptedGenerator
from tests.worker.test_generate import context
from worker.service import generate

MISCONFIGURED = GeneratorMisconfigured("GENERATOR_MISCONFIGURED", "Not set up.", "403 no permission")
QUOTA = NotAccepted("429", is_certain=True)


def fail(monkeypatch: pytest.MonkeyPatch, target: str, function: Callable[..., Any], *errors: Exception) -> None:
    """Let a function raise these, one after the other, before it works."""
    left = list(errors)

    async def failing(*arguments: Any, **values: Any) -> Any:
        if left:
            raise left.pop(0)
        return await function(*arguments, **values)

    monkeypatch.setattr(target, failing)


@pytest.mark.parametrize(
    ("refusal", "transition", "status", "refunds"),
    [
        (QUOTA, submission.defer, VideoJobStatus.PENDING, 0),
        (NotAccepted("503", is_certain=False), submission.defer, VideoJobStatus.PENDING, 0),
        (KeyError("a fault of ours"), submission.take_back, VideoJobStatus.PENDING, 0),
        (MISCONFIGURED, submission.refuse, VideoJobStatus.FAILED, 1),
    ],
    ids=["quota", "an error of its own", "a fault of ours", "refused credentials"],
)
async def test_a_job_that_was_not_accepted_is_not_called_uncertain_for_an_outage_of_ours(  # noqa: PLR0913, PLR0917 - a table
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    refusal: Exception,
    transition: Callable[..., Any],
    status: VideoJobStatus,
    refunds: int,
) -> None:
    caller = await house.user()
    job_id = UUID(await house.create(caller))
    monkeypatch.setattr("worker.submitting.RECORDING_RETRY_SECONDS", 0.01)
    fail(monkeypatch, f"resolvers.submission.{transition.__name__}", transition, *[DatabaseUnavailable()] * 3)

    with suppress(RetryRequested):
        await generate(context(house, ScriptedGenerator(refusals=[refusal])), job_id)

    job = await house.job(job_id)
    assert job.status == status
    assert job.error_code == ("GENERATOR_MISCONFIGURED" if status == VideoJobStatus.FAILED else None)
    if status == VideoJobStatus.PENDING:
        assert job.submission == Submission.NEW
    assert await books(house, caller) == (1, refunds)


@pytest.mark.parametrize(
    ("error", "level", "has_traceback"),
    [(DatabaseUnavailable(), "WARNING", False), (KeyError("slot"), "ERROR", True)],
    ids=["outage", "fault"],
)
async def test_a_job_is_made_though_it_cannot_be_noted_that_the_generator_lets_us_in(  # noqa: PLR0913 - a table
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    level: str,
    *,
    has_traceback: bool,
) -> None:
    caller = await house.user()
    job_id = UUID(await house.create(caller))
    fail(monkeypatch, "db.submission_pace.set_trouble", submission_pace.set_trouble, error)
    generator = ScriptedGenerator()

    await generate(context(house, generator), job_id)

    job = await house.job(job_id)
    assert (job.status, job.faults, len(generator.submitted)) == (VideoJobStatus.SUCCEEDED, 0, 1)
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert (record.levelname, record.exc_info is not None) == (level, has_traceback)
    assert "whether the generator lets us in could not be noted" in record.getMessage().lower()


async def test_a_second_generation_is_told_apart_and_timed_by_itself_the_job_from_the_first(house: House) -> None:
    caller = await house.user()
    job_id = UUID(await house.create(caller))
    generator = ScriptedGenerator([GenerationInterrupted("GENERATION_FAILED", "It gave up"), None])

    with pytest.raises(RetryRequested):
        await generate(context(house, generator), job_id)
    between = await house.job(job_id)
    await generate(context(house, generator), job_id)

    job = await house.job(job_id)
    assert (between.status, between.submission) == (VideoJobStatus.RUNNING, Submission.NEW)
    assert (job.status, job.operation_name) == (VideoJobStatus.SUCCEEDED, "operations/2")
    assert [request.attempt for request in generator.submitted] == [1, 2]
    assert job.started_at == between.started_at
    assert job.submitted_at is not None
    assert job.submitted_at > between.updated_at
    assert await house.charges(caller) == 1


async def test_what_is_cancelled_while_it_is_being_sent_is_ended_upstream(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row has no name that anybody else could end it by."""
    caller = await house.user()
    job_id = UUID(await house.create(caller))
    is_sent, is_cancelled = asyncio.Event(), asyncio.Event()
    generator = ScriptedGenerator(on_submit=is_sent.set)
    submit = generator.submit

    async def slow(request: GenerationRequest) -> str:
        name = await submit(request)
        await is_cancelled.wait()
        return name

    monkeypatch.setattr(generator, "submit", slow)
    generating = asyncio.create_task(generate(context(house, generator), job_id))
    await is_sent.wait()
    await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))
    is_cancelled.set()
    await asyncio.wait_for(generating, 20)

    job = await house.job(job_id)
    assert (job.status, job.operation_name) == (VideoJobStatus.CANCELLED, None)
    assert (generator.cancelled, generator.polled) == (["operations/1"], [])
    # It may have been paid for.
    assert await books(house, caller) == (1, 0)


async def test_a_run_that_is_broken_off_while_it_sends_records_the_name_yet(house: House) -> None:
    """As the loss of the queue's connection breaks it off."""
    job_id = UUID(await house.create(await house.user()))
    generator = ScriptedGenerator()
    generating = asyncio.create_task(generate(context(house, generator), job_id))

    def break_off() -> None:
        generating.cancel()

    generator.on_submit = break_off
    with pytest.raises(asyncio.CancelledError):
        await generating

    job = await eventually(lambda: house.job(job_id), lambda job: job.submission == Submission.SENT, 10.0)
    assert (job.status, job.operation_name) == (VideoJobStatus.RUNNING, "operations/1")
    assert (len(generator.submitted), generator.cancelled) == (1, [])
