"""What providers say is kept with the job, whatever characters are in it, and never stops anything else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pgqueuer.errors import RetryRequested

from db import file_removals
from db.engine.errors import DatabaseUnavailable
from db.enums import Submission, VideoJobStatus
from resolvers import generation
from resolvers.ports import GenerationFailed, NotAccepted
from tests.house import House
from tests.resolvers.stages import books
from tests.worker.scripted import ScriptedGenerator, ScriptedStorage
from tests.worker.test_generate import context, job_of_somebody
from tests.worker.test_recording import fail
from worker.housekeeping import REMOVAL_LEASE, remove_files
from worker.run import Run
from worker.service import generate

ODD = ("cut \ud83d off", "a \x00 in it")


@pytest.mark.parametrize("odd", ODD)
async def test_a_reason_with_odd_characters_ends_the_job_with_what_can_be_kept(house: House, odd: str) -> None:
    job_id = await job_of_somebody(house)

    await generate(context(house, ScriptedGenerator([GenerationFailed("CONTENT_FILTERED", odd)])), job_id)

    job = await house.job(job_id)
    assert (job.status, job.error_code) == (VideoJobStatus.FAILED, "CONTENT_FILTERED")
    assert job.error_message == odd.replace("\ud83d", "\ufffd").replace("\x00", "\ufffd")


@pytest.mark.parametrize("odd", ODD)
async def test_a_refusal_with_odd_characters_is_tried_again(house: House, odd: str) -> None:
    job_id = await job_of_somebody(house)

    with pytest.raises(RetryRequested):
        await generate(context(house, ScriptedGenerator(refusals=[NotAccepted(odd, is_certain=False)])), job_id)

    job = await house.job(job_id)
    assert (job.status, job.submission, job.submit_errors) == (VideoJobStatus.PENDING, Submission.NEW, 1)


@pytest.mark.parametrize("odd", ODD)
async def test_nothing_that_cannot_be_kept_reaches_the_queue(
    house: House, monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    """PgQueuer keeps the text of an exception, its causes' too; one that it cannot keep stops all of a worker's."""
    job_id, fault = await job_of_somebody(house), ValueError(odd)
    # What the tests capture of the log could not be sent from one of their processes to the other.
    monkeypatch.setattr("worker.service.logger.disabled", True)

    with pytest.raises(RetryRequested) as within:
        await generate(context(house, ScriptedGenerator([fault])), job_id)

    async def broken(_context: object, _job_id: UUID) -> Run:
        raise fault

    monkeypatch.setattr("worker.service._begun", broken)
    with pytest.raises(RetryRequested) as outside:
        await generate(context(house, ScriptedGenerator()), job_id)

    for raised in (within.value, outside.value):
        str(raised).encode()
        assert "\x00" not in str(raised)
        assert (raised.__cause__, raised.__suppress_context__) == (None, True)


async def test_a_failure_that_cannot_be_written_is_counted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = await job_of_somebody(house)
    fail(monkeypatch, "resolvers.generation.fail", generation.fail, ValueError("a fault of ours"))

    with pytest.raises(RetryRequested):
        await generate(context(house, ScriptedGenerator([GenerationFailed("CONTENT_FILTERED", "no")])), job_id)

    assert (await house.job(job_id)).faults == 1


async def test_a_refused_request_is_not_called_uncertain_for_an_outage_of_ours(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = await house.user()
    job_id = UUID(await house.create(caller))
    monkeypatch.setattr("worker.submitting.RECORDING_RETRY_SECONDS", 0.01)
    fail(monkeypatch, "resolvers.generation.fail", generation.fail, *[DatabaseUnavailable()] * 3)
    refusal = GenerationFailed("CONTENT_FILTERED", "no")

    await generate(context(house, ScriptedGenerator(refusals=[refusal])), job_id)

    job = await house.job(job_id)
    assert (job.status, job.error_code, await books(house, caller)) == ("FAILED", "CONTENT_FILTERED", (1, 0))


async def test_a_transition_whose_commit_was_answered_by_nobody_is_made_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await job_of_somebody(house)
    made: Callable[..., Any] = Run._made  # noqa: SLF001 - where a commit can be lost

    async def lost(run: Run, transition: Any, *, one_statement: bool) -> bool:
        was = run.job
        done: bool = await made(run, transition, one_statement=one_statement)
        if was.submission == Submission.SENDING and run.job.submission == Submission.NEW:
            run.job = was
            monkeypatch.setattr(Run, "_made", made)
            raise DatabaseUnavailable
        return done

    monkeypatch.setattr("worker.submitting.RECORDING_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(Run, "_made", lost)

    with pytest.raises(RetryRequested):
        await generate(
            context(house, ScriptedGenerator(refusals=[NotAccepted("503", is_certain=False, retry_after_seconds=60)])),
            job_id,
        )

    job = await house.job(job_id)
    assert (job.submission, job.submit_errors) == (Submission.NEW, 1)
    async with house.database.raw_connection() as connection:
        blocked = await connection.fetch("SELECT provider FROM submission_pace WHERE blocked_until > now()")
    assert [row["provider"] for row in blocked] == ["mock"]


async def test_a_file_that_is_stored_anew_meanwhile_is_not_removed(house: House) -> None:
    job, storage = await house.job(await job_of_somebody(house)), ScriptedStorage()
    files = ["https://videos.example/first.mp4", storage.address_of_video(job.id)]

    class Slow(ScriptedStorage):
        async def delete(self, address: str) -> None:
            await super().delete(address)
            async with house.database.transaction() as transaction:
                await generation.begin_storing(transaction, job, files[1])

    slow = Slow()
    async with house.database.transaction() as transaction:
        await file_removals.schedule(transaction, files[:1], timedelta(minutes=-2))
        await file_removals.schedule(transaction, files[1:], timedelta(minutes=-1))

    await remove_files(context(house, ScriptedGenerator(), slow))

    assert slow.deleted == files[:1]


async def test_who_has_lost_a_claim_changes_nothing(house: House) -> None:
    address = "https://videos.example/one.mp4"
    async with house.database.transaction() as transaction:
        await file_removals.schedule(transaction, [address])
        [claim] = await file_removals.claim_due(transaction, limit=1, lease=REMOVAL_LEASE)
        renewed = await file_removals.renew(transaction, claim, 2 * REMOVAL_LEASE)
        assert renewed is not None

        assert await file_removals.renew(transaction, claim, REMOVAL_LEASE) is None
        await file_removals.removed(transaction, claim)
        await file_removals.defer(transaction, claim, timedelta(0))
        assert await file_removals.renew(transaction, renewed, REMOVAL_LEASE) is not None
