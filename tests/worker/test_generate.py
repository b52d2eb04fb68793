"""One job in the worker's hands: every way it can end, and every point at which another worker can go on."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

import pytest
from pgqueuer.errors import RetryRequested
from sqlalchemy import text

from db.enums import Submission, VideoJobStatus
from db.tables import VideoJob
from resolvers import generation, submission
from resolvers.models import MOCK
from resolvers.ports import GenerationFailed, StillGenerating
from tests.house import CATALOGUE, House, eventually
from tests.worker.scripted import ScriptedGenerator, ScriptedStorage
from worker.context import RetryPolicy, WorkerContext
from worker.run import Run, Superseded
from worker.service import generate, see_through

SOON = 0.01
HASTE = RetryPolicy(first_retry_seconds=0.01, longest_retry_seconds=0.02, uncertain_seconds=0)
MOST_FAULTS = HASTE.most_faults


def context(house: House, generator: ScriptedGenerator, storage: ScriptedStorage | None = None) -> WorkerContext:
    return WorkerContext(
        database=house.database,
        generators={MOCK: generator},
        storage=storage or ScriptedStorage(),
        refund_failed_jobs=False,
        stopping=asyncio.Event(),
        catalogue=CATALOGUE,
        scratch=house.settings.scratch_folder,
        retry_policy=HASTE,
    )


async def job_of_somebody(house: House) -> UUID:
    return UUID(await house.create(await house.user()))


async def logs(house: House, job_id: UUID) -> list[tuple[str, str]]:
    async with house.database.session() as session:
        rows = await session.execute(
            text("SELECT level, message FROM video_job_logs WHERE video_job_id = :i ORDER BY id"), {"i": job_id}
        )
        return [(row.level, row.message) for row in rows]


async def test_a_job_is_submitted_once_followed_and_stored(house: House) -> None:
    job_id = await job_of_somebody(house)
    generator = ScriptedGenerator([StillGenerating(None, SOON), StillGenerating(35, SOON), None])
    storage = ScriptedStorage()

    await generate(context(house, generator, storage), job_id)

    job = await house.job(job_id)
    assert (job.status, job.progress_percentage, job.error_message) == (VideoJobStatus.SUCCEEDED, 100, None)
    assert job.cloudinary_url == f"https://videos.example/{job_id}.mp4"
    assert job.started_at is not None
    assert job.completed_at is not None
    assert [request.prompt for request in generator.submitted] == ["The model turns slowly"]
    assert generator.polled == ["operations/1"] * 3
    assert await logs(house, job_id) == [
        ("INFO", "Video job created, 50 tokens charged"),
        ("INFO", "Generation started by the mock generator, operation 1"),
        ("INFO", "Progress 35%"),
        ("INFO", "Video stored"),
    ]


async def test_progress_never_goes_back_and_never_says_100_before_the_video_is_stored(house: House) -> None:
    job_id = await job_of_somebody(house)
    script = [StillGenerating(percentage, SOON) for percentage in (60, 40, 100)]
    working = context(house, ScriptedGenerator([*script, GenerationFailed("STOP", "Stopped by the test")]))

    await generate(working, job_id)

    job = await house.job(job_id)
    assert (job.status, job.progress_percentage) == (VideoJobStatus.FAILED, 60)


async def test_no_video_is_given_up_for_a_workers_clock_that_is_ahead(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Ahead":
            return super().now(tz) + timedelta(hours=1)

    monkeypatch.setattr("worker.polling.datetime", Ahead, raising=False)
    job_id = await job_of_somebody(house)

    await generate(context(house, ScriptedGenerator([StillGenerating(None, SOON), None])), job_id)

    assert (await house.job(job_id)).status == VideoJobStatus.SUCCEEDED


async def test_a_failed_generation_tells_its_owner_why_and_keeps_the_charge(house: House) -> None:
    caller = await house.user()
    job_id = UUID(await house.create(caller))
    working = context(house, ScriptedGenerator([GenerationFailed("PROMPT_REFUSED", "The prompt was refused.")]))

    await generate(working, job_id)

    job = await house.job(job_id)
    assert (job.status, job.error_code, job.error_message) == (
        VideoJobStatus.FAILED,
        "PROMPT_REFUSED",
        "The prompt was refused.",
    )
    assert job.cloudinary_url is None
    assert (await logs(house, job_id))[-1] == ("ERROR", "The prompt was refused.")
    assert await house.tokens(caller) == 50
    over_rest = await house.http.get(f"/api/v1/video-jobs/{job_id}", headers=house.headers(caller))
    assert over_rest.json()["errorMessage"] == "The prompt was refused."


async def test_a_failed_jobs_tokens_come_back_where_the_operator_says_so(house: House) -> None:
    caller = await house.user()
    job_id = UUID(await house.create(caller))
    generator = ScriptedGenerator([GenerationFailed("PROMPT_REFUSED", "The prompt was refused.")])
    working = replace(context(house, generator), refund_failed_jobs=True)

    await generate(working, job_id)
    await generate(working, job_id)

    assert (await house.job(job_id)).status == VideoJobStatus.FAILED
    assert await house.tokens(caller) == 100
    assert (await logs(house, job_id))[-1] == ("INFO", "50 tokens refunded")


async def test_a_stopping_worker_gives_back_jobs_that_it_has_not_begun_with(house: House) -> None:
    job_id = await job_of_somebody(house)
    generator = ScriptedGenerator()
    working = replace(context(house, generator), starting_room=asyncio.Semaphore(0))
    waiting = asyncio.create_task(generate(working, job_id))
    await asyncio.sleep(0)

    working.stopping.set()
    working.starting_room.release()
    with pytest.raises(RetryRequested, match="the worker is stopping"):
        await waiting

    job = await house.job(job_id)
    assert (job.status, job.version, job.run_id) == (VideoJobStatus.PENDING, 1, None)
    assert generator.submitted == []


async def test_a_fault_of_ours_is_tried_again_from_the_same_operation(house: House) -> None:
    job_id = await job_of_somebody(house)
    generator = ScriptedGenerator()
    working = context(house, generator, ScriptedStorage([OSError("no space left on device")]))

    with pytest.raises(RetryRequested):
        await generate(working, job_id)
    await generate(working, job_id)

    assert (await house.job(job_id)).status == VideoJobStatus.SUCCEEDED
    assert len(generator.submitted) == 1
    assert generator.polled == ["operations/1", "operations/1"]


async def test_a_fault_that_stays_ends_the_job(house: House) -> None:
    job_id = await job_of_somebody(house)
    working = context(house, ScriptedGenerator(), ScriptedStorage([OSError("no space left on device")] * 99))

    for _ in range(MOST_FAULTS - 1):
        with pytest.raises(RetryRequested):
            await generate(working, job_id)
    await generate(working, job_id)

    job = await house.job(job_id)
    assert (job.status, job.error_code, job.faults) == (VideoJobStatus.FAILED, "INTERNAL_ERROR", MOST_FAULTS)
    assert "no space" not in (job.error_message or "")


async def test_a_stopping_worker_hands_over_and_another_goes_on_without_a_second_submit(house: House) -> None:
    job_id = await job_of_somebody(house)
    generator = ScriptedGenerator([StillGenerating(40, 60), None])
    first = context(house, generator)
    task = asyncio.create_task(generate(first, job_id))
    await eventually(lambda: house.job(job_id), lambda job: job.progress_percentage == 40)

    first.stopping.set()
    with pytest.raises(RetryRequested):
        await task
    handed_over = await house.job(job_id)
    await generate(context(house, generator), job_id)

    assert handed_over.status == VideoJobStatus.RUNNING
    assert (await house.job(job_id)).status == VideoJobStatus.SUCCEEDED
    assert len(generator.submitted) == 1


@pytest.mark.parametrize(
    ("costs", "status"), [("costs", "FAILED"), ("is free", "SUCCEEDED"), ("is not configured here", "FAILED")]
)
async def test_a_job_found_while_it_was_being_sent_is_never_paid_for_twice(
    house: House, costs: str, status: str
) -> None:
    caller = await house.user()
    job_id = UUID(await house.create(caller))
    await _change(house, job_id, status="RUNNING", started_at="2026-01-01T00:00:00Z", submission=Submission.SENDING)
    generator = ScriptedGenerator(submitting_costs=costs == "costs")
    # Where nothing is paid, nobody waits for the one who was about to send it.
    policy = replace(HASTE, uncertain_seconds=90) if costs == "is free" else HASTE
    working = replace(context(house, generator), retry_policy=policy)

    await generate(replace(working, generators={}) if costs == "is not configured here" else working, job_id)

    job = await house.job(job_id)
    assert job.status == status
    assert (job.error_code, len(generator.submitted)) == (
        (None, 1) if costs == "is free" else ("SUBMISSION_UNCERTAIN", 0)
    )
    assert await house.tokens(caller) == 50


@pytest.mark.parametrize("sent", [{}, {"submission": "SENT", "operation_name": "operations/1", "provider": "veo"}])
async def test_a_real_job_never_gets_a_mock_video(house: House, sent: dict[str, str]) -> None:
    caller = await house.user()
    job_id = UUID(await house.create(caller))
    await _change(house, job_id, mock_mode=False, **sent)
    generator = ScriptedGenerator()

    await generate(context(house, generator), job_id)

    assert (await house.job(job_id)).error_code == "GENERATION_UNAVAILABLE"
    assert (generator.submitted, generator.polled) == ([], [])
    assert await house.tokens(caller) == 100


async def test_a_superseded_run_stops_without_a_trace(house: House) -> None:
    job_id = await job_of_somebody(house)
    generator = ScriptedGenerator([StillGenerating(20, SOON), None])
    stalled = await Run.of(context(house, generator), job_id)
    newer = await Run.of(context(house, generator), job_id)

    with pytest.raises(Superseded):
        await see_through(stalled)
    untouched = await house.job(job_id)
    await see_through(newer)

    assert (untouched.status, untouched.submission) == (VideoJobStatus.PENDING, Submission.NEW)
    assert (await house.job(job_id)).status == VideoJobStatus.SUCCEEDED
    assert len(generator.submitted) == 1


async def test_somebody_elses_change_of_the_row_does_not_stop_the_run(house: House) -> None:
    job_id = await job_of_somebody(house)
    run = await Run.of(context(house, ScriptedGenerator()), job_id)
    await _change(house, job_id, status_message="touched by another process")

    await see_through(run)

    assert (await house.job(job_id)).status == VideoJobStatus.SUCCEEDED


@pytest.mark.parametrize("transition", [submission.begin, generation.take])
async def test_a_transition_on_an_outdated_row_is_refused(house: House, transition: Callable[..., Any]) -> None:
    job_id = await job_of_somebody(house)
    outdated = await house.job(job_id)
    await _change(house, job_id, status_message="newer")
    argument = job_id if transition is generation.take else MOCK

    with pytest.raises(generation.VideoJobChanged):
        async with house.database.transaction() as session:
            await transition(session, outdated, argument)

    assert (await house.job(job_id)).version == outdated.version + 1


async def test_an_ended_or_vanished_job_is_left_alone(house: House) -> None:
    job_id = await job_of_somebody(house)
    generator = ScriptedGenerator()
    working = context(house, generator)
    await generate(working, job_id)
    ended = await house.job(job_id)

    await generate(working, job_id)
    await generate(working, UUID(int=0))

    assert (await house.job(job_id)).version == ended.version
    assert len(generator.submitted) == 1


async def _change(house: House, job_id: UUID, **values: object) -> None:
    """Change the row as another process would."""
    assignments = ", ".join(f"{name} = '{value}'" for name, value in values.items())
    async with house.database.session() as session:
        await session.execute(
            text(f"UPDATE video_jobs SET {assignments}, version = version + 1 WHERE id = '{job_id}'")  # noqa: S608 - the tests' own values
        )
        assert await session.get(VideoJob, job_id)
