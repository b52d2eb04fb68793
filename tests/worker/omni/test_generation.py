"""From a request to a stored video with Omni, through Google's own SDK, with only GEMINI_API_KEY set."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from db.enums import LogLevel, VideoJobStatus
from media.videos import probe
from tests.doubles.answers import Answer
from tests.doubles.omni import OmniDouble, ended, output, refusal, said
from tests.house import eventually
from tests.worker.messages import EMPTY, LOST, MISCONFIGURED, TIMED_OUT, UNAVAILABLE, UNCERTAIN, UNREADABLE
from tests.worker.omni.house import OmniStudio
from tests.worker.side_by_side import Behind, Outcome, outcomes
from tests.worker.studio import CHARGED, FRAMES, HASTE, JPEG, REFERENCES, REFUNDED, File, Money, Said, WireName, wires

IDS = ("veo-3.1-generate-preview", "veo-3.1-fast-generate-preview")
OMNI = "gemini-omni-1.2-flash"
FORMS = [*itertools.product(("720p", "1080p"), ("16:9", "9:16"), ("4", "8"))]
PROMPT = "The model turns slowly"


# What can be made


@pytest.mark.parametrize("model", IDS)
async def test_all_eight_forms_are_made_for_both_of_the_frontends_ids(studio: OmniStudio, model: str) -> None:
    asked = []
    for resolution, ratio, seconds in FORMS:
        caller = await studio.house.user()
        job_id = await studio.created(
            caller, resolution=resolution, aspectRatio=ratio, durationSeconds=seconds, model=model
        )
        asked.append((caller, job_id))
    async with studio.working():
        jobs = [await studio.house.finished(job_id) for _, job_id in asked]

    assert [(job.status, job.provider, job.model) for job in jobs] == [("SUCCEEDED", "omni", model)] * 8
    formats = [create.body["response_format"] for create in studio.omni.creates]
    made = [(each["resolution"], each["aspect_ratio"], each["duration"]) for each in formats]
    assert sorted(made) == sorted((resolution, ratio, f"{seconds}s") for resolution, ratio, seconds in FORMS)
    assert {create.body["model"] for create in studio.omni.creates} == {OMNI}
    assert [await studio.money(caller) for caller, _ in asked] == [CHARGED] * 8


IMAGES: list[tuple[Sequence[File], str, str]] = [
    ((("initialImage", JPEG),), "image_to_video", f"<FIRST_FRAME> {PROMPT}"),
    (FRAMES, "image_to_video", f"<FIRST_FRAME> <LAST_FRAME> {PROMPT}"),
    (REFERENCES, "reference_to_video", "[# References <IMAGE_REF_0>@Image1 <IMAGE_REF_1>@Image2 <IMAGE_REF_2>@Image3]"),
]


@wires
async def test_images_reach_omni_in_their_roles(studio: OmniStudio, over: WireName) -> None:
    asked = list(itertools.product(IMAGES, IDS, ("4", "8")))
    jobs = []
    for number, ((files, _, _), model, seconds) in enumerate(asked):
        prompt, caller = f"{PROMPT} [{number}]", await studio.house.user()
        fields = {"model": model, "durationSeconds": seconds, "prompt": prompt}
        jobs.append(await studio.created(caller, *files, over=over, **fields))
    async with studio.working():
        states = [(await studio.house.finished(job_id)).status for job_id in jobs]

    assert states == ["SUCCEEDED"] * len(asked)
    assert len(studio.omni.creates) == len(asked)
    for number, ((files, task, text), _, seconds) in enumerate(asked):
        (create,) = [create for create in studio.omni.creates if f"[{number}]" in create.text]
        assert create.text.startswith(text)
        assert create.body["response_format"]["duration"] == f"{seconds}s"
        assert [data for data, _ in create.images] == [data for _, data in files]
        assert create.body["generation_config"]["video_config"]["task"] == task


async def test_sound_that_was_not_asked_for_is_taken_away_and_other_sound_stays(studio: OmniStudio) -> None:
    callers = [await studio.house.user() for _ in range(2)]
    silent = await studio.created(callers[0])
    loud = await studio.created(callers[1], generateAudio="true")
    async with studio.working():
        for job_id in (silent, loud):
            await studio.house.finished(job_id)

    files = studio.cloudinary.files
    heard = [await asyncio.to_thread(probe, files["video", f"lookreel/{job_id}"].path) for job_id in (silent, loud)]
    assert [properties.has_audio for properties in heard] == [False, True]


@wires
async def test_a_model_that_only_veo_has_is_refused_before_it_costs_anything(
    studio: OmniStudio, over: WireName
) -> None:
    caller = await studio.house.user()
    before = await studio.traces(caller)

    answer = await studio.create(caller, over=over, model="veo-3.1-generate-001")

    assert (answer.job, answer.code) == (None, "GENERATION_UNAVAILABLE")
    assert (await studio.traces(caller), await studio.money(caller)) == (before, Money(100, 0, 0))


# How it ends otherwise

MANY = 99
UNCERTAIN_CODE, KEPT_OUT, FILTERED, GONE = (
    "SUBMISSION_UNCERTAIN",
    "GENERATOR_MISCONFIGURED",
    "CONTENT_FILTERED",
    "RESULT_LOST",
)
Script = tuple[str, Sequence[Answer]]
ROWS: list[tuple[str, Script, str | None, str | None, int]] = [
    ("400", ("create", [refusal(400, "invalid_request", "No.")]), "REJECTED_BY_GENERATOR", "No.", 1),
    ("blocked", ("create", [refusal(400, "safety", "No.")]), "CONTENT_FILTERED", "No.", 1),
    *(
        (f"{status}", ("create", [refusal(status, code, "No.")]), "GENERATOR_MISCONFIGURED", MISCONFIGURED, 1)
        for status, code in (
            (400, "failed_precondition"),
            (401, "authentication"),
            (402, "payment_required"),
            (403, "x"),
        )
    ),
    ("404", ("create", [refusal(404, "model_not_found", "No.")]), "MODEL_NOT_AVAILABLE", OMNI, 1),
    ("429", ("create", [refusal(429, "rate_limit_exceeded", "Slowly.")] * 2), None, None, 3),
    ("503 twice", ("create", [refusal(503, "service_unavailable", "Later.")] * 2), None, None, 3),
    (
        "503",
        ("create", [refusal(503, "service_unavailable", "Later.")] * MANY),
        "GENERATOR_UNAVAILABLE",
        UNAVAILABLE,
        4,
    ),
    *(
        (f"uncertain {number}", ("create", [answer]), "SUBMISSION_UNCERTAIN", UNCERTAIN, 1)
        for number, answer in enumerate(
            (
                Answer(trouble="drop", accepts=True),
                Answer(b"", accepts=True),
                Answer({}, accepts=True),
                refusal(504, "deadline_exceeded", "Slow.", accepts=True),
            )
        )
    ),
    ("poll 400", ("poll", [refusal(400, "invalid_request", "No.")] * 3), None, None, 1),
    ("poll 503", ("poll", [refusal(503, "api_error", "Later.")] * 3), None, None, 1),
    ("poll 404", ("poll", [refusal(404, "not_found", "No.")]), "RESULT_LOST", LOST, 1),
    ("refused by a text", ("poll", [ended("completed", said("I cannot."))]), "CONTENT_FILTERED", "I cannot.", 1),
    ("empty", ("poll", [ended("completed")]), "EMPTY_RESULT", EMPTY, 1),
    ("incomplete", ("poll", [ended("incomplete")]), "GENERATION_FAILED", "'incomplete'", 1),
    ("budget", ("poll", [ended("budget_exceeded")]), "GENERATION_FAILED", "'budget_exceeded'", 1),
    ("a fault, once", ("poll", [ended("failed", output(error={"code": 14}))]), None, None, 2),
    ("faults", ("poll", [ended("failed", output(error={"code": 14}))] * 3), "GENERATOR_FAULT", "fault of its own", 2),
    ("file gone", ("file", [Answer({"error": {"code": 404, "message": "No"}}, 404)]), "RESULT_LOST", LOST, 1),
    ("download", ("download", [Answer(b"{}", trouble="drop mid-body"), refusal(503, "x", "Later.")]), None, None, 1),
]
NO_VIDEO = Answer(b"<html>Please sign in</html>")
# Once is enough for these: whether tokens come back is decided by the code, as for those above.
MORE_ROWS: list[tuple[str, Script, str | None, str | None, int]] = [
    *(
        (f"uncertain {status}", ("create", [refusal(status, "x", "Slow.", accepts=True)]), UNCERTAIN_CODE, UNCERTAIN, 1)
        for status in (408, 499)
    ),
    ("a redirect", ("create", [Answer({}, 302, accepts=True)]), UNCERTAIN_CODE, UNCERTAIN, 1),
    ("aborted", ("create", [refusal(409, "aborted", "Again.")] * MANY), "GENERATOR_UNAVAILABLE", UNAVAILABLE, 4),
    ("no paid tier", ("create", [refusal(429, "quota_exceeded", "limit: 0")]), KEPT_OUT, MISCONFIGURED, 1),
    ("invalid key", ("create", [refusal(400, "x", "API_KEY_INVALID")]), KEPT_OUT, MISCONFIGURED, 1),
    ("no such interaction", ("poll", [refusal(400, "x", "Invalid interaction name")]), "RESULT_LOST", LOST, 1),
    ("poll 401", ("poll", [refusal(401, "authentication", "No.")] * 3), None, None, 1),
    ("poll 429", ("poll", [refusal(429, "rate_limit_exceeded", "Slowly.")] * 3), None, None, 1),
    ("poll no JSON", ("poll", [Answer(b"<html>"), Answer({}), Answer(trouble="drop")]), None, None, 1),
    ("unheard of", ("poll", [ended("dreaming")] * 3), None, None, 1),
    ("blocked end", ("poll", [ended("failed", errors=[{"code": "safety", "message": "No."}])]), FILTERED, "No.", 1),
    (
        "invalid end",
        ("poll", [ended("failed", errors=[{"code": "invalid_request", "message": "No."}])]),
        "REJECTED_BY_GENERATOR",
        "No.",
        1,
    ),
    *(
        (status, ("poll", [ended(status)]), "GENERATION_FAILED", f"'{status}'", 1)
        for status in ("failed", "cancelled", "requires_action", "requires_continuation")
    ),
    ("file being written", ("file", [Answer({"name": "files/x", "state": "PROCESSING"})] * 3), None, None, 1),
    ("file failed", ("file", [Answer({"name": "files/x", "state": "FAILED"})]), "GENERATION_FAILED", "its file", 1),
    *(
        (f"file {status}", ("file", [Answer({"error": {"code": status, "message": "No"}}, status)]), GONE, LOST, 1)
        for status in (403, 410)
    ),
    ("no video, then one", ("download", [NO_VIDEO, Answer(b""), Answer(b"\0\0\0\x18ftypisom")]), None, None, 1),
    ("never a video", ("download", [NO_VIDEO] * MANY), "RESULT_UNREADABLE", UNREADABLE, 1),
]
TABLE = [*ROWS, *MORE_ROWS]
CASES = [(row[0], refund) for row in ROWS for refund in (False, True)] + [(row[0], True) for row in MORE_ROWS]
Case = tuple[str, bool]
BY_NAME = {row[0]: row for row in TABLE}


def made_with(case: Case) -> list[Case]:
    """Return the rows that one worker meets at once; credentials that are refused would stop the other jobs."""
    if BY_NAME[case[0]][2] == KEPT_OUT:
        return [case]
    return [(name, refund) for name, refund in CASES if refund == case[1] and BY_NAME[name][2] != KEPT_OUT]


@pytest.fixture(scope="module")
def known() -> dict[Case, Outcome[OmniDouble]]:
    """The outcomes so far."""
    return {}


@pytest.fixture
async def outcome(known: dict[Case, Outcome[OmniDouble]], omni_studio: OmniStudio, case: Case) -> Outcome[OmniDouble]:
    if case not in known:
        scripts = {other: scripted(*BY_NAME[other[0]][1]) for other in made_with(case)}
        working = omni_studio.working(replace(HASTE, generation_seconds=120), refund_failed_jobs=case[1])
        known.update(await outcomes(omni_studio, omni_studio.omni, scripts, working))
    return known[case]


def scripted(kind: str, answers: Sequence[Answer]) -> Callable[[Behind[OmniDouble]], None]:
    return lambda behind: behind.double.script(kind, *answers)


@pytest.mark.parametrize("case", CASES, ids=[f"{name}, refund {refund}" for name, refund in CASES])
def test_a_failure_has_its_end(case: Case, outcome: Outcome[OmniDouble]) -> None:
    (name, refund), job = case, outcome.job
    _, _, code, message, creates = BY_NAME[name]

    assert (job.status, job.error_code) == ("FAILED" if code else "SUCCEEDED", code)
    assert (message or "") in (outcome.message or "")
    assert len(outcome.double.creates) == creates
    assert outcome.money == (REFUNDED if code and (refund or code == KEPT_OUT) else CHARGED)
    assert len(outcome.logged(LogLevel.ERROR)) == (1 if code else 0)
    assert [upload.key for upload, _ in outcome.stored] == ([] if code else [("video", f"lookreel/{job.id}")])
    assert outcome.leftovers == []


@wires
async def test_a_wrong_key_costs_nobody_anything(studio: OmniStudio, over: WireName) -> None:
    first, second = await studio.house.user(), await studio.house.user()
    studio.omni.script("create", *[refusal(401, "authentication", "API key not valid")] * MANY)
    async with studio.working(replace(HASTE, refused_seconds=3600)):
        job = await studio.house.finished(await studio.created(first, over=over))

    answer = await studio.create(second, over=over)

    assert (job.error_code, len(studio.omni.creates)) == ("GENERATOR_MISCONFIGURED", 1)
    assert await studio.money(first) == REFUNDED
    assert answer == Said(503 if over == "rest" else 200, code="GENERATION_SUSPENDED", message=answer.message)
    assert await studio.money(second) == Money(tokens=100, charges=0, refunds=0)


# Nobody waits any more


async def number_of_cancels(omni: OmniDouble) -> int:
    return len(omni.cancels)


@pytest.mark.parametrize("how", ["cancel", "delete"])
async def test_what_its_owner_ends_is_ended_upstream(studio: OmniStudio, how: str) -> None:
    caller = await studio.house.user()
    studio.omni.seconds_until_done = 3600
    headers = studio.house.headers(caller)
    async with studio.working():
        job_id = await studio.created(caller)
        await studio.logged(job_id, "Generation started")
        if how == "cancel":
            query = "mutation ($id: ID!) { cancelVideoJob(input: { id: $id }) { errors { __typename } } }"
            answer = await studio.house.graphql(caller, query, id=job_id)
            assert answer["data"] == {"cancelVideoJob": {"errors": []}}
        else:
            assert (await studio.house.http.delete(f"/api/v1/video-jobs/{job_id}", headers=headers)).status_code == 204
        await eventually(lambda: number_of_cancels(studio.omni), lambda number: number > 0)

    assert studio.omni.cancels == list(studio.omni.accepted)
    assert len(studio.omni.creates) == 1


async def test_what_takes_too_long_is_ended_upstream(studio: OmniStudio) -> None:
    caller = await studio.house.user()
    studio.omni.seconds_until_done = 3600
    studio.omni.script("cancel", refusal(404, "not_found", "Method not found"))
    job_id = await studio.created(caller)
    async with studio.working(replace(HASTE, generation_seconds=0.3)):
        job = await studio.house.finished(job_id)

    assert (job.status, job.error_code, job.error_message) == (VideoJobStatus.FAILED, "GENERATION_TIMED_OUT", TIMED_OUT)
    assert studio.omni.cancels == list(studio.omni.accepted)
