"""Every row of the table of failures (veo-and-cloudinary.md): what Google and Cloudinary do, and what becomes of a job.

A test scripts the doubles, lets a worker with Google's own SDK meet that, and looks at all that a user and an operator
can see: the job, its message, the submits that arrived, and the tokens.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.workshop import veo_access
from db.models import LogLevel, Submission, VideoJob, VideoJobLog, VideoJobStatus
from providers.veo import VeoGenerator
from resolvers.videos import inspect
from tests.doubles.answers import Answer, done, error, failed, filtered, quota_exceeded
from tests.doubles.cloudinary import Refusal
from tests.worker.studio import CHARGED, HASTE, REFUNDED, Studio, picture

MODEL = "veo-3.1-generate-001"
MISCONFIGURED = "Video generation is not set up correctly on our side. Please try again later."
UNAVAILABLE = "The video generator had an error of its own, repeatedly. Please try again later."
UNCERTAIN = (
    "The video may or may not have been requested before a fault. It was not requested again, "
    "since that could have been paid for twice. Please create a new video."
)
LOST = "The generator no longer has this video. Create a new video job."
TIMED_OUT = "The video was not ready after 0 minutes and was given up. Please create a new one."
EMPTY = "The generator finished without a video. Create a new video job."
INVALID = "The generator returned something that is no video. Please create a new one."
NOT_STORED = "The video was made, but could not be stored. Please create a new one."
HALF_AN_ANSWER = b'{"name": "projects/'
SECONDS = 0.4


Script = Callable[[Studio], None]


@dataclass(frozen=True)
class Row:
    """One way to fail. `submits` is how many arrived, `accepted` how many were started and may be paid for.

    `log` is the text of a warning in the job's log. With `timeout_seconds`, the SDK waits no longer for an answer.
    """

    symptom: str
    script: Script
    code: str | None
    message: str | None
    submits: int = 1
    accepted: int = 1
    log: str | None = None
    uploads: int = 1
    patience: Mapping[str, Any] = field(default_factory=dict)
    timeout_seconds: float | None = None


def submits(*answers: Answer) -> Script:
    return lambda studio: studio.veo.script_submit(*answers)


def polls(*answers: Answer) -> Script:
    return lambda studio: studio.veo.script_poll(*answers)


def stores(*faults: Any) -> Script:
    return lambda studio: studio.cloudinary.faults.extend(faults)


def sets(**values: Any) -> Script:
    def script(studio: Studio) -> None:
        for name, value in values.items():
            setattr(studio.veo, name, value)

    return script


def both(one: Script, other: Script) -> Script:
    def script(studio: Studio) -> None:
        one(studio)
        other(studio)

    return script


def gives(change: Callable[[bytes], bytes]) -> Script:
    return lambda studio: studio.veo.give(change(studio.veo.video))


def fault(code: int) -> Answer:
    return failed(code, "Internal error")


def faulty(code: str) -> str:
    return f"The generator had a fault of its own ({code}). Try again later."


REFUSED_SUBMITS = [
    Row(
        "400",
        submits(error(400, "The prompt names a person.", reason="INVALID_ARGUMENT")),
        "REJECTED_BY_GENERATOR",
        "The generator refused this request: The prompt names a person.",
        accepted=0,
    ),
    Row("401", submits(error(401, "No.")), "GENERATOR_MISCONFIGURED", MISCONFIGURED, accepted=0),
    Row("403", submits(error(403, "Not yours.")), "GENERATOR_MISCONFIGURED", MISCONFIGURED, accepted=0),
    Row(
        "404",
        submits(error(404, "Publisher model was not found.")),
        "MODEL_NOT_AVAILABLE",
        f"The model {MODEL} is not available at the generator. Choose another model.",
        accepted=0,
    ),
    Row("429", submits(quota_exceeded()), None, None, submits=2, log="429 RESOURCE_EXHAUSTED: Quota exceeded"),
    Row("429, for long", submits(*[quota_exceeded()] * 4), None, None, submits=5, log="did not accept the video yet"),
    *(
        Row(
            f"{status} twice",
            submits(*[error(status, "Try later", reason="TROUBLE")] * 2),
            None,
            None,
            submits=3,
            log=f"The generator did not accept the video yet: {status} TROUBLE: Try later",
        )
        for status in (500, 502, 503, 504)
    ),
    *(
        Row(
            f"{status} for ever",
            submits(*[error(status, "Try later")] * 9),
            "GENERATOR_UNAVAILABLE",
            UNAVAILABLE,
            submits=4,
            accepted=0,
            log=f"{status} ",
        )
        for status in (500, 503)
    ),
    Row("502 from a proxy", submits(Answer(b"<html>Bad Gateway</html>", 502)), None, None, submits=2, log="502 "),
]
UNCERTAIN_SUBMITS = [
    Row(f"submit {symptom}", submits(answer), "SUBMISSION_UNCERTAIN", UNCERTAIN, accepted=accepted)
    for symptom, answer, accepted in (
        ("dropped", Answer(trouble="drop"), 0),
        ("dropped after it was accepted", Answer(trouble="drop", accepts=True), 1),
        ("dropped in the answer", Answer(trouble="drop mid-body"), 1),
        ("answered with half an answer", Answer(HALF_AN_ANSWER, accepts=True), 1),
        ("answered with HTML", Answer(b"<html>", accepts=True), 1),
        ("answered with nothing", Answer(b"", accepts=True), 1),
        ("answered without a name", Answer({}, accepts=True), 1),
        ("answered with an empty name", Answer({"name": ""}, accepts=True), 1),
    )
] + [
    Row(
        "submit timed out",
        submits(Answer(trouble="hang", accepts=True)),
        "SUBMISSION_UNCERTAIN",
        UNCERTAIN,
        timeout_seconds=SECONDS,
    )
]
POLLS = [
    *(
        Row(f"poll {symptom}", polls(*[answer] * 3), None, None)
        for symptom, answer in (
            ("500", error(500, "Internal error")),
            ("503", error(503, "Unavailable")),
            ("429", quota_exceeded()),
            ("429 with a delay", quota_exceeded("0.1s")),
            ("401", error(401, "Token expired")),
            ("dropped", Answer(trouble="drop")),
            ("dropped in the result", Answer(trouble="drop mid-body")),
            ("half an answer", Answer(HALF_AN_ANSWER)),
            ("HTML", Answer(b"<html>")),
            ("nothing", Answer(b"")),
            ("no operation", Answer({})),
        )
    ),
    Row("poll timed out", polls(Answer(trouble="hang")), None, None, timeout_seconds=SECONDS),
    Row("poll 404", polls(error(404, "Operation not found")), "RESULT_LOST", LOST),
    Row(
        "poll 400",
        polls(error(400, "Malformed")),
        "REJECTED_BY_GENERATOR",
        "The generator refused this request: Malformed",
    ),
    Row(
        "never done",
        sets(seconds_until_done=3600),
        "GENERATION_TIMED_OUT",
        TIMED_OUT,
        patience={"generation_seconds": SECONDS},
    ),
    Row(
        "never answered",
        polls(*[error(503, "Unavailable")] * 999),
        "GENERATION_TIMED_OUT",
        TIMED_OUT,
        patience={"generation_seconds": SECONDS},
    ),
]
RESULTS = [
    Row(
        "done with error 3",
        polls(failed(3, "The image shows a child.")),
        "REJECTED_BY_GENERATOR",
        "The generator refused this request: The image shows a child.",
    ),
    Row(
        "done with error 7",
        polls(failed(7, "Not yours.")),
        "GENERATION_FAILED",
        "The generator could not make this video: Not yours.",
    ),
    *(
        Row(
            f"done with error {code}, once",
            polls(fault(code)),
            None,
            None,
            submits=2,
            accepted=2,
            log=f"The generator gave up, trying once more: {faulty('Internal error')}",
        )
        for code in (8, 13, 14)
    ),
    *(
        Row(
            f"done with error {code}, twice",
            polls(fault(code), fault(code), fault(code)),
            "GENERATOR_FAULT",
            faulty("Internal error"),
            submits=2,
            accepted=2,
            log="The generator gave up, trying once more",
        )
        for code in (8, 13, 14)
    ),
    # The first submit of each script is the first generation's.
    Row(
        "error 13, then a second generation that is refused for a while",
        both(polls(fault(13)), submits(Answer(), quota_exceeded(), error(503, "Try later"))),
        None,
        None,
        submits=4,
        accepted=2,
        log="The generator did not accept the video yet: 503",
    ),
    Row(
        "error 13, then a second generation that is lost on its way",
        both(polls(fault(13)), submits(Answer(), Answer(trouble="drop", accepts=True))),
        "SUBMISSION_UNCERTAIN",
        UNCERTAIN,
        submits=2,
        accepted=2,
        log="trying once more",
    ),
    Row(
        "filtered",
        polls(filtered("It shows a celebrity.", "It has blood.")),
        "CONTENT_FILTERED",
        "The generator's safety filter held this video back: It shows a celebrity. It has blood. "
        "Change the prompt or the images.",
    ),
    Row(
        "filtered without a reason",
        polls(filtered()),
        "CONTENT_FILTERED",
        "The generator's safety filter held this video back: no reason given. Change the prompt or the images.",
    ),
    Row("neither response nor error", polls(done()), "EMPTY_RESULT", EMPTY),
    Row("an empty response", polls(done(response={})), "EMPTY_RESULT", EMPTY),
    Row("no videos", polls(done(response={"videos": []})), "EMPTY_RESULT", EMPTY),
    Row(
        "a video and a reason",
        sets(filter_reasons=["The sound was removed."]),
        None,
        None,
        log="Part of the result was filtered out: The sound was removed.",
    ),
    Row("HTML for a video", gives(lambda _: b"<html>Sign in</html>"), "INVALID_RESULT", INVALID),
    Row("a video cut off", gives(lambda video: video[:-1000]), "INVALID_RESULT", INVALID),
    Row("half a video", gives(lambda video: video[: len(video) // 2]), "INVALID_RESULT", INVALID),
]
STORES = [
    *(
        Row(f"a store met {symptom}", stores(*faults), None, None)
        for symptom, faults in (
            ("HTML", ["HTML"]),
            ("HTML twice", ["HTML"] * 2),
            ("a dropped connection", ["drop"]),
            ("a rate limit", [Refusal(420, "Rate Limit Exceeded")]),
            ("a refused key", [Refusal(401, "Invalid Signature")]),
        )
    ),
    Row("an answer to a store was lost", stores("drop after"), None, None, uploads=2),
    Row("stores failed for so long that the job waited", stores(*["HTML"] * 4), None, None, log="could not be stored"),
    Row(
        "a store was refused",
        stores(Refusal(400, "Unsupported video format")),
        "STORAGE_REFUSED",
        "The storage did not accept the video: Unsupported video format",
    ),
    Row(
        "stores fail for long",
        stores(*["HTML"] * 6),  # one more would be kept
        "STORAGE_UNAVAILABLE",
        NOT_STORED,
        log="The video could not be stored yet, trying again",
        patience={"most_store_faults": 2, "store_tries": 2},
    ),
]
TABLE = [*REFUSED_SUBMITS, *UNCERTAIN_SUBMITS, *POLLS, *RESULTS, *STORES]


# A job that succeeds keeps its charge above all where failed ones do not.
CASES = [
    pytest.param(row, refund, id=f"{row.symptom}, with refunds" if refund else row.symptom)
    for row in TABLE
    for refund in ([False, True] if row.code else [True])
]


@pytest.mark.parametrize(("row", "refund"), CASES)
async def test_a_failure_has_its_end(studio: Studio, row: Row, *, refund: bool) -> None:
    caller = await studio.house.user()
    job_id = await studio.created(caller)
    row.script(studio)

    async with generators(studio, row.timeout_seconds) as changes:
        patience = replace(HASTE, **row.patience)
        async with studio.working(patience, refund_failed_jobs=refund, **changes):
            job = await studio.house.finished(job_id)

    # The worker has let go: nothing more can happen to the job.
    assert (await studio.house.traces(caller)).queued == 0
    assert (job.error_code, job.status) == (row.code, "FAILED" if row.code else "SUCCEEDED")
    assert (await studio.read(caller, job_id))["errorMessage"] == row.message
    assert len(studio.veo.submits) == row.submits
    assert len(studio.veo.accepted) == row.accepted
    assert await studio.money(caller) == (REFUNDED if refund and row.code else CHARGED)
    warnings = [message for level, message in await studio.log(job_id) if level == LogLevel.WARNING]
    assert bool(warnings) == (row.log is not None), warnings
    assert any((row.log or "") in message for message in warnings) == (row.log is not None), warnings
    errors = [message for level, message in await studio.log(job_id) if level == LogLevel.ERROR]
    assert errors == ([row.message] if row.message else [])
    assert studio.cloudinary.uploads_of(f"lookreel/{job_id}") == (0 if row.code else row.uploads)
    assert list(studio.cloudinary.files) == ([] if row.code else [("video", f"lookreel/{job_id}")])
    assert not list(studio.house.settings.scratch_folder.glob("*"))
    if not row.code:
        await the_video_is_whole(studio, job)


@asynccontextmanager
async def generators(studio: Studio, timeout_seconds: float | None) -> AsyncIterator[dict[str, Any]]:
    """Yield a generator that waits no longer than that for an answer, as what is to be changed in the workshop."""
    if timeout_seconds is None:
        yield {}
        return
    generator = VeoGenerator(replace(veo_access(studio.house.settings), timeout_seconds=timeout_seconds))
    yield {"real_generator": generator}
    await generator.aclose()


async def the_video_is_whole(studio: Studio, job: VideoJob) -> None:
    (upload,) = studio.cloudinary.files.values()
    facts = await asyncio.to_thread(inspect, upload.path)
    assert not facts.has_audio
    assert (job.video_size_bytes, job.progress_percentage) == (upload.size, 100)
    assert f"/v{upload.version}/" in str(job.cloudinary_url)


# What takes more than a script


async def test_credentials_that_are_refused_are_said_loudly_until_they_are_let_in(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    house = studio.house
    caller = await house.user()
    studio.veo.script_submit(error(403, "Permission denied on project", reason="PERMISSION_DENIED"))
    async with studio.working():
        refused = await house.finished(await studio.created(caller))
        degraded = await house.http.get("/healthz")
        accepted = await house.finished(await studio.created(caller))
        healthy = await house.http.get("/healthz")

    assert (refused.error_code, refused.error_message) == ("GENERATOR_MISCONFIGURED", MISCONFIGURED)
    assert degraded.status_code == 200
    assert degraded.json() == {"status": "degraded", "generation": "The generator refuses our credentials."}
    loud = [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]
    assert loud == ["The generator does not let us in: Permission denied on project"]
    assert accepted.status == VideoJobStatus.SUCCEEDED
    assert (healthy.status_code, healthy.json()) == (200, {"status": "ok"})


async def test_a_quota_lets_everybody_wait_as_long_as_google_says(studio: Studio) -> None:
    one, two = await studio.house.user(), await studio.house.user()
    studio.veo.script_submit(quota_exceeded("1s"))
    first = await studio.created(one)
    async with studio.working():
        await studio.logged(first, "did not accept")
        waiting = await studio.house.job(first)
        asked_in_vain = len(studio.veo.submits)
        second = await studio.created(two)
        jobs = [await studio.house.finished(job_id) for job_id in (first, second)]

    assert (waiting.status, waiting.submission, waiting.submit_errors) == ("PENDING", Submission.NEW, 0)
    assert (waiting.operation_name, waiting.started_at) == (None, None)
    assert (asked_in_vain, len(studio.veo.submits), len(studio.veo.accepted)) == (1, 3, 2)
    async with studio.house.database.transaction() as session:
        refusal = select(VideoJobLog.timestamp).where(VideoJobLog.level == LogLevel.WARNING)
        refused_at = (await session.scalars(refusal)).one()
    for job in jobs:
        assert (job.status, job.error_code) == (VideoJobStatus.SUCCEEDED, None)
        assert job.submitted_at is not None
        # The refusal is logged a moment after the wait has been fixed.
        assert job.submitted_at - refused_at > timedelta(seconds=0.5)
    assert [await studio.money(caller) for caller in (one, two)] == [CHARGED] * 2


async def test_a_generator_that_cannot_be_reached_lets_jobs_wait(studio: Studio) -> None:
    caller = await studio.house.user()
    job_id = await studio.created(caller)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
    generator = VeoGenerator(replace(veo_access(studio.house.settings), base_url=closed))
    async with studio.working(real_generator=generator):
        log = await studio.logged(job_id, "ConnectError")
        waiting = await studio.house.job(job_id)
    await generator.aclose()
    asked_in_vain = len(studio.veo.submits)
    async with studio.working():
        job = await studio.house.finished(job_id)

    assert log[1][0] == LogLevel.WARNING
    assert log[1][1].startswith("The generator did not accept the video yet: ConnectError")
    assert waiting.status == VideoJobStatus.PENDING
    assert (asked_in_vain, len(studio.veo.submits)) == (0, 1)
    assert job.status == VideoJobStatus.SUCCEEDED
    assert await studio.money(caller) == CHARGED


async def test_a_token_endpoint_in_trouble_lets_jobs_wait(studio: Studio) -> None:
    job_id = await studio.created(await studio.house.user())
    studio.veo.script_token(*[Answer({"error": "internal_failure"}, 503)] * 3)  # Google's library tries thrice
    async with studio.working():
        job = await studio.house.finished(job_id)

    assert (job.status, job.error_code) == (VideoJobStatus.SUCCEEDED, None)
    assert len(studio.veo.submits) == 1


async def test_a_submit_whose_connection_is_reset_is_uncertain(studio: Studio) -> None:
    caller = await studio.house.user()
    job_id = await studio.created(caller)
    async with resetting() as (url, connections):
        generator = VeoGenerator(replace(veo_access(studio.house.settings), base_url=url))
        async with studio.working(real_generator=generator):
            job = await studio.house.finished(job_id)
        await generator.aclose()

    assert (job.error_code, job.error_message) == ("SUBMISSION_UNCERTAIN", UNCERTAIN)
    assert len(connections) == 1
    assert connections[0].startswith(b"POST ")
    assert await studio.money(caller) == CHARGED


@asynccontextmanager
async def resetting() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve by resetting each connection once a request has come in; yield the address, and what came in."""
    connections: list[bytes] = []

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(await reader.readuntil(b"\r\n\r\n"))
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with await asyncio.start_server(reset, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", connections


async def test_images_that_cannot_be_read_yet_delay_the_submit(studio: Studio) -> None:
    caller = await studio.house.user()
    job_id = await studio.created(caller, ("initialImage", picture("PNG")))
    studio.cloudinary.faults.extend(["HTML", "drop"])
    async with studio.working():
        job = await studio.house.finished(job_id)

    assert (job.status, job.error_code) == (VideoJobStatus.SUCCEEDED, None)
    assert (len(studio.veo.submits), await studio.money(caller)) == (1, CHARGED)


async def test_images_that_are_gone_fail_the_job_before_it_costs_anything_upstream(studio: Studio) -> None:
    caller = await studio.house.user()
    job_id = await studio.created(caller, ("initialImage", picture("PNG")))
    studio.cloudinary.files.clear()
    async with studio.working(refund_failed_jobs=True):
        job = await studio.house.finished(job_id)

    assert (job.error_code, job.error_message) == (
        "IMAGE_LOST",
        "An image of this video job is not there any more. Please create a new video.",
    )
    assert (studio.veo.submits, await studio.money(caller)) == ([], REFUNDED)


async def test_a_storage_that_is_down_while_many_videos_are_done_costs_no_second_generation(studio: Studio) -> None:
    callers = [await studio.house.user() for _ in range(6)]
    job_ids = [await studio.created(caller, prompt=f"Video {number}") for number, caller in enumerate(callers)]
    studio.cloudinary.failure_rate = 0.6
    async with studio.working():
        jobs = [await studio.house.finished(job_id) for job_id in job_ids]

    assert [job.status for job in jobs] == [VideoJobStatus.SUCCEEDED] * 6
    assert studio.veo.accepted_by_prompt() == {f"Video {number}": 1 for number in range(6)}
    assert len(studio.veo.submits) == 6
    assert set(studio.cloudinary.files) == {("video", f"lookreel/{job_id}") for job_id in job_ids}
    assert [await studio.money(caller) for caller in callers] == [CHARGED] * 6
