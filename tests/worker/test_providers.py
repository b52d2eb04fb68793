"""Several providers of real videos: each job is its provider's, and what one says concerns no other."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

import pytest
from pgqueuer.errors import RetryRequested
from sqlalchemy import text

from db import submission_pace
from db.enums import Submission, VideoJobStatus
from db.video_jobs import JobRow
from providers.mock.models import ANY_MODEL
from providers.veo.models import MODELS
from resolvers import generation, submission, video_job_creation
from resolvers.errors import GenerationSuspended, GenerationUnavailable
from resolvers.models import MOCK, Catalogue, Provider, VideoModel
from resolvers.ports import GeneratorMisconfigured, QuotaExceeded, StillGenerating
from resolvers.video_job_input import VideoJobInput
from tests.house import House
from tests.worker.scripted import ScriptedGenerator
from tests.worker.test_generate import context
from worker.context import WorkerContext
from worker.run import Run
from worker.service import generate
from worker.submitting import submit

VEO, OTHER = Provider("veo", 600_000), Provider("other", 600_000)
VEOS, OTHERS = MODELS[0], replace(MODELS[0], id="other-1", upstream_id="upstream-1", provider="other")
BOTH = Catalogue.of(ANY_MODEL, {VEO: [VEOS], OTHER: [OTHERS]})
# The same ids, each at the other provider.
EXCHANGED = Catalogue.of(ANY_MODEL, {VEO: [replace(OTHERS, provider="veo")], OTHER: [replace(VEOS, provider="other")]})
REFUSED = GeneratorMisconfigured("GENERATOR_MISCONFIGURED", "Not set up", "403")


async def created(house: House, model: VideoModel = VEOS, *, mock_mode: bool = False) -> JobRow:
    asked = VideoJobInput(model=model.id, resolution="720p", aspect_ratio="16:9", mock_mode=mock_mode, prompt="A turn")
    caller = await house.user()
    async with house.database.transaction() as transaction:
        made = await video_job_creation.create(transaction, caller, asked, BOTH)
    return await house.job(made.job.id)


def working(house: House, generators: dict[str, ScriptedGenerator], catalogue: Catalogue = BOTH) -> WorkerContext:
    return replace(context(house, ScriptedGenerator()), catalogue=catalogue, generators=generators)


def both() -> dict[str, ScriptedGenerator]:
    return {name: ScriptedGenerator([StillGenerating(None, 0.01), None]) for name in ("veo", "other")}


async def begun(house: House, job: JobRow, provider: Provider) -> JobRow:
    async with house.database.transaction() as transaction:
        return await submission.begin_in_turn(transaction, job, provider)


# Whose job it is


@pytest.mark.parametrize(
    ("model", "name", "upstream"), [(VEOS, "veo", VEOS.upstream_id), (OTHERS, "other", "upstream-1")]
)
async def test_a_models_provider_makes_its_videos(house: House, model: VideoModel, name: str, upstream: str) -> None:
    job, generators = await created(house, model), both()

    await generate(working(house, generators), job.id)

    job = await house.job(job.id)
    assert (job.status, job.provider) == (VideoJobStatus.SUCCEEDED, name)
    asked = {other: [request.model for request in generator.submitted] for other, generator in generators.items()}
    assert asked == {"veo": [], "other": []} | {name: [upstream]}
    assert [len(generators[other].polled) for other in (name, *(generators.keys() - {name}))] == [2, 0]


async def test_a_job_stays_with_the_provider_that_it_was_sent_to_whatever_the_table_says_later(house: House) -> None:
    job, generators = await created(house), both()
    await submit(await Run.of(working(house, generators), job.id))
    sent = await house.job(job.id)

    await generate(working(house, generators, EXCHANGED), job.id)

    assert (sent.status, sent.provider) == (VideoJobStatus.RUNNING, "veo")
    assert (await house.job(job.id)).status == VideoJobStatus.SUCCEEDED
    assert [(len(each.submitted), len(each.polled)) for each in generators.values()] == [(1, 2), (0, 0)]


@pytest.mark.parametrize("left_by_an_older_release", [None, "veo"])
async def test_a_job_that_was_not_sent_goes_where_the_table_says_now(
    house: House, left_by_an_older_release: str | None
) -> None:
    job, generators = await created(house), both()
    async with house.database.session() as session:
        statement = text("UPDATE video_jobs SET provider = :name WHERE id = :id")
        await session.execute(statement, {"name": left_by_an_older_release, "id": job.id})

    await generate(working(house, generators, EXCHANGED), job.id)

    assert (await house.job(job.id)).provider == "other"
    assert [len(each.submitted) for each in generators.values()] == [0, 1]


async def test_a_waiting_job_whose_model_is_offered_no_more_goes_to_the_first_provider_under_its_name(
    house: House,
) -> None:
    job, generators = await created(house, OTHERS), both()

    await generate(working(house, generators, Catalogue.of(ANY_MODEL, {VEO: [VEOS], OTHER: []})), job.id)

    assert (await house.job(job.id)).status == VideoJobStatus.SUCCEEDED
    assert [request.model for request in generators["veo"].submitted] == ["other-1"]


# Rows of the release before


@pytest.mark.parametrize("mock_mode", [False, True])
async def test_a_job_that_the_release_before_has_sent_is_followed_to_its_end(house: House, *, mock_mode: bool) -> None:
    job = await created(house, mock_mode=mock_mode)
    name = MOCK if mock_mode else "veo"
    generators = {MOCK: ScriptedGenerator()} | both()
    async with house.database.session() as session:
        await session.execute(
            text("""UPDATE video_jobs SET status = 'RUNNING', submission = 'SENT', provider = NULL,
                operation_name = 'operations/old', submitted_at = now(), started_at = now() WHERE id = :id"""),
            {"id": job.id},
        )

    await generate(working(house, generators, EXCHANGED), job.id)

    assert (await house.job(job.id)).status == VideoJobStatus.SUCCEEDED
    assert {other for other, each in generators.items() if each.polled} == {name}
    assert generators[name].polled[0] == "operations/old"
    assert not [each for each in generators.values() if each.submitted]


async def test_a_job_that_the_release_before_was_sending_is_not_sent_again(house: House) -> None:
    job, generators = await created(house), both()
    async with house.database.session() as session:
        await session.execute(text("UPDATE video_jobs SET submission = 'SENDING' WHERE id = :id"), {"id": job.id})

    await generate(working(house, generators, EXCHANGED), job.id)

    job = await house.job(job.id)
    assert (job.status, job.error_code) == (VideoJobStatus.FAILED, "SUBMISSION_UNCERTAIN")
    assert not [each for each in generators.values() if each.submitted or each.polled]


# What a provider says is about itself


async def refuse(transaction: Any, job: JobRow) -> JobRow:
    await submission_pace.set_trouble(transaction, "veo", "known")
    return await submission.refuse(transaction, job, REFUSED, is_last=False)


async def defer(transaction: Any, job: JobRow) -> JobRow:
    return await submission.defer(transaction, job, "quota", timedelta(hours=1), is_certain=True)


@pytest.mark.parametrize("step", [defer, refuse, submission.take_back])
async def test_a_job_that_was_not_accepted_is_nobodys_again(house: House, step: Any) -> None:
    job = await begun(house, await created(house), VEO)
    async with house.database.transaction() as transaction:
        back = await step(transaction, job)

    assert (job.submission, job.provider) == (Submission.SENDING, "veo")
    assert (back.submission, back.provider) == (Submission.NEW, None)


async def test_a_second_generation_goes_where_the_table_says_by_then(house: House) -> None:
    job = await begun(house, await created(house), VEO)
    async with house.database.transaction() as transaction:
        job = await submission.record_operation(transaction, job, "operations/1", "veo")
        job = await submission.begin_anew(transaction, job, "a fault of its own")

    assert (job.submission, job.provider, job.attempt) == (Submission.NEW, None, 2)
    assert EXCHANGED.provider_of_job(job) == "other"


async def test_a_quota_of_one_provider_makes_nobody_wait_for_another(house: House) -> None:
    mine, his, next_of_veo = [await created(house, model) for model in (VEOS, OTHERS, VEOS)]
    generators = both()
    generators["veo"].refusals = [QuotaExceeded("quota", retry_after_seconds=3600)]
    with pytest.raises(RetryRequested):
        await generate(working(house, generators), mine.id)

    await generate(working(house, generators), his.id)
    waiting = await begun(house, next_of_veo, VEO)

    assert (await house.job(his.id)).status == VideoJobStatus.SUCCEEDED
    assert waiting.submission == Submission.NEW
    assert waiting.submit_not_before is not None
    assert waiting.submit_not_before - datetime.now(UTC) > timedelta(minutes=59)


async def test_each_provider_has_a_pace_of_its_own(house: House) -> None:
    slow = {name: Provider(name, submits_per_minute=1) for name in ("veo", "other")}
    jobs = [(await created(house, model), slow[model.provider]) for model in (VEOS, OTHERS, VEOS, OTHERS)]

    states = [(await begun(house, job, provider)).submission for job, provider in jobs]

    assert states == [Submission.SENDING, Submission.SENDING, Submission.NEW, Submission.NEW]


@pytest.mark.parametrize("seconds", [-600, 600])
async def test_a_workers_clock_that_is_off_neither_delays_a_job_nor_hurries_it(
    house: House, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    class Skewed(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Skewed":
            return super().now(tz) + timedelta(seconds=seconds)

    for module in ("worker.submitting", "resolvers.submission"):
        monkeypatch.setattr(f"{module}.datetime", Skewed, raising=False)
    slow = working(house, both(), Catalogue.of(ANY_MODEL, {Provider("veo", submits_per_minute=1): [VEOS]}))
    first, second = [await created(house) for _ in range(2)]

    await generate(slow, first.id)
    with pytest.raises(RetryRequested) as later:
        await generate(slow, second.id)

    assert (await house.job(first.id)).status == VideoJobStatus.SUCCEEDED
    assert timedelta(seconds=50) < later.value.delay <= timedelta(seconds=60)


async def test_no_more_run_at_a_provider_than_it_makes_at_once(house: House) -> None:
    full = {name: replace(provider, generations_at_once=1) for name, provider in (("veo", VEO), ("other", OTHER))}
    first, second, his = [await created(house, model) for model in (VEOS, VEOS, OTHERS)]

    states = [(await begun(house, job, full[name])).submission for job, name in ((first, "veo"), (second, "veo"))]
    states.append((await begun(house, his, full["other"])).submission)
    async with house.database.transaction() as transaction:
        await generation.fail(transaction, await house.job(first.id), "GENERATION_FAILED", "It failed", refund=False)
    async with house.database.session() as session:
        await session.execute(text("UPDATE video_jobs SET submit_not_before = now(), updated_at = now()"))
    again = await begun(house, await house.job(second.id), full["veo"])

    assert states == [Submission.SENDING, Submission.NEW, Submission.SENDING]
    assert again.submission == Submission.SENDING


async def suspended(house: House, models: Sequence[VideoModel] = (VEOS, OTHERS)) -> Mapping[str, bool]:
    """Try to create a video of each model; tell which were refused, with nothing written or charged."""
    found = {}
    for model in models:
        before = await house.count()
        try:
            await created(house, model)
        except GenerationSuspended:
            assert await house.count() == before
        found[model.provider] = await house.count() == before
    return found


async def test_trouble_with_one_provider_suspends_its_videos_alone(house: House) -> None:
    waiting = await created(house, OTHERS)
    async with house.database.transaction() as transaction:
        await submission_pace.set_trouble(transaction, "veo", "403")
    known = await suspended(house)
    health = (await house.http.get("/healthz")).json()
    async with house.database.session() as session:
        await session.execute(text("UPDATE submission_pace SET blocked_until = now()"))
    # The other provider's job, which waits, is no trial of this one.
    tried = await suspended(house, [VEOS])
    # This one's own is.
    meanwhile = await suspended(house)
    async with house.database.transaction() as transaction:
        await submission_pace.set_trouble(transaction, "other", None)
        still = await submission_pace.troubles(transaction)

    assert (await house.job(waiting.id)).status == VideoJobStatus.PENDING
    assert known == {"veo": True, "other": False}
    assert health["status"] == "degraded"
    assert tried == {"veo": False}
    assert meanwhile == {"veo": True, "other": False}
    assert still == {"veo": "403"}


async def test_a_provider_that_cannot_be_used_here_is_refused_alone(house: House) -> None:
    here = Catalogue.of(ANY_MODEL, {replace(VEO, unavailable="Set a key"): [VEOS], OTHER: [OTHERS]})
    caller = await house.user()
    before = await house.traces(caller)
    asked = VideoJobInput(model=VEOS.id, resolution="720p", aspect_ratio="16:9", mock_mode=False, prompt="A turn")

    with pytest.raises(GenerationUnavailable):
        async with house.database.transaction() as transaction:
            await video_job_creation.create(transaction, caller, asked, here)
    refused = await house.traces(caller)
    async with house.database.transaction() as transaction:
        made = await video_job_creation.create(transaction, caller, replace(asked, model=OTHERS.id), here)

    assert refused == before
    assert (await house.job(UUID(str(made.job.id)))).model == OTHERS.id
