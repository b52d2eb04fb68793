"""Polls: what an operation's answer means to a job, and what a poll without an answer does not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from providers.veo.generator import VeoGenerator
from resolvers.ports import (
    Generated,
    GenerationFailed,
    GenerationInterrupted,
    GeneratorUnreachable,
    ResultUnreadable,
    StillGenerating,
)
from tests.doubles.answers import Answer, done, error, failed, filtered, quota_exceeded
from tests.doubles.veo import VeoDouble
from tests.providers.veo.asking import MODEL, asked, files, free_port


async def test_an_operation_under_way_is_asked_about_again_at_about_the_usual_time(
    generator: VeoGenerator, veo: VeoDouble
) -> None:
    veo.polls_until_done = 100
    name = await generator.submit(asked())

    outcomes = [await generator.poll(name) for _ in range(10)]

    waits = [outcome.ask_again_seconds for outcome in outcomes if isinstance(outcome, StillGenerating)]
    assert len(waits) == 10
    assert all(8.0 <= wait <= 12.0 for wait in waits)
    assert len(set(waits)) > 1


UNREACHABLE = {
    "500": error(500, "Internal"),
    "503": error(503, "Unavailable"),
    "408": error(408, "Too slow"),
    "401": error(401, "Token expired"),
    "403": error(403, "Permission denied"),
    "dropped": Answer(trouble="drop"),
    "dropped in the middle of the video": Answer(trouble="drop mid-body"),
    "409": error(409, "Aborted"),
    "425": error(425, "Too early"),
    "499": error(499, "Cancelled"),
    "a redirect": Answer({}, status=307, headers={"Location": "/elsewhere"}),
}


@pytest.mark.parametrize("kind", UNREACHABLE)
async def test_a_poll_without_an_answer_leaves_the_operation_as_it_was(
    generator: VeoGenerator, veo: VeoDouble, scratch: Path, kind: str
) -> None:
    name = await generator.submit(asked())
    veo.script_poll(UNREACHABLE[kind])

    with pytest.raises(GeneratorUnreachable) as caught:
        await generator.poll(name)

    assert str(caught.value)
    assert files(scratch) == []
    assert isinstance(await generator.poll(name), Generated)


UNREADABLE = {
    "broken JSON": Answer(b'{"name": "projects/'),
    "HTML": Answer(b"<html>Sign in</html>"),
    "JSON, but no object": Answer(b"[1, 2]"),
    "empty": Answer(b""),
    "no operation": Answer({}),
    "a video that is not base64": done(response={"videos": [{"bytesBase64Encoded": "!"}]}),
    "a video that is a number": done(response={"videos": [{"bytesBase64Encoded": 7}]}),
    "videos that are text": done(response={"videos": "here"}),
    "a response that is text": done(response="soon"),
    "an error that is a list": done(error=["No"]),
    "an address that is no bucket's": done(response={"videos": [{"gcsUri": "https://elsewhere.example/a.mp4"}]}),
}


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_an_answer_that_cannot_be_understood_is_told_from_one_that_did_not_come(
    generator: VeoGenerator, veo: VeoDouble, scratch: Path, kind: str
) -> None:
    name = await generator.submit(asked())
    veo.script_poll(UNREADABLE[kind])

    with pytest.raises(ResultUnreadable) as caught:
        await generator.poll(name)

    assert str(caught.value)
    assert files(scratch) == []


async def test_a_poll_over_quota_honours_the_wait(generator: VeoGenerator, veo: VeoDouble) -> None:
    veo.script_poll(quota_exceeded("3.5s"))

    with pytest.raises(GeneratorUnreachable) as caught:
        await generator.poll(await generator.submit(asked()))

    assert caught.value.retry_after_seconds == 3.5


async def test_a_poll_without_permission_is_an_error_in_the_log(
    generator: VeoGenerator, veo: VeoDouble, caplog: pytest.LogCaptureFixture
) -> None:
    veo.script_poll(error(403, "Permission denied"))

    with pytest.raises(GeneratorUnreachable):
        await generator.poll(await generator.submit(asked()))

    assert [(record.name, record.levelname) for record in caplog.records if record.name.startswith("lookreel")] == [
        ("lookreel.providers", "ERROR")
    ]
    assert "Permission denied" in caplog.text


async def test_a_poll_without_an_answer_in_time_leaves_the_operation_as_it_was(
    another: Callable[..., VeoGenerator], veo: VeoDouble
) -> None:
    generator = another(timeout_seconds=0.2)
    name = await generator.submit(asked())
    veo.script_poll(Answer(trouble="hang"))

    with pytest.raises(GeneratorUnreachable, match="ReadTimeout"):
        await generator.poll(name)


async def test_a_poll_that_cannot_connect_leaves_the_operation_as_it_was(
    another: Callable[..., VeoGenerator],
) -> None:
    with pytest.raises(GeneratorUnreachable, match="ConnectError"):
        await another(base_url=f"http://127.0.0.1:{free_port()}").poll("projects/ours/operations/1")


FAILURES = [
    (error(404, "Not found"), (GenerationFailed, "RESULT_LOST", "no longer")),
    (error(400, "Bad operation name"), (GenerationFailed, "REJECTED_BY_GENERATOR", "Bad operation name")),
    (failed(3, "A child is seen"), (GenerationFailed, "REJECTED_BY_GENERATOR", "A child is seen")),
    (failed(8, "Overloaded"), (GenerationInterrupted, "GENERATOR_FAULT", "Overloaded")),
    (failed(13, "Internal"), (GenerationInterrupted, "GENERATOR_FAULT", "Internal")),
    (failed(14, "Unavailable"), (GenerationInterrupted, "GENERATOR_FAULT", "Unavailable")),
    (failed(7, "No access to the bucket"), (GenerationFailed, "GENERATION_FAILED", "No access to the bucket")),
    (done(error={"message": "No code"}), (GenerationFailed, "GENERATION_FAILED", "No code")),
    (filtered("Violence.", "Hate."), (GenerationFailed, "CONTENT_FILTERED", "Violence. Hate.")),
    (done(response={"raiMediaFilteredCount": 1}), (GenerationFailed, "CONTENT_FILTERED", "no reason")),
    (done(), (GenerationFailed, "EMPTY_RESULT", "without a video")),
    (done(response={}), (GenerationFailed, "EMPTY_RESULT", "without a video")),
    (done(response={"videos": []}), (GenerationFailed, "EMPTY_RESULT", "without a video")),
    (done(response={"videos": [{"mimeType": "video/mp4"}]}), (GenerationFailed, "EMPTY_RESULT", "without a video")),
]


@pytest.mark.parametrize(("answer", "failure"), FAILURES)
async def test_an_operation_that_failed_says_so(
    generator: VeoGenerator, veo: VeoDouble, answer: Answer, failure: tuple[type[GenerationFailed], str, str]
) -> None:
    kind, code, words = failure
    veo.script_poll(answer)

    with pytest.raises(GenerationFailed) as caught:
        await generator.poll(await generator.submit(asked()))

    assert type(caught.value) is kind
    assert caught.value.code == code
    assert words in caught.value.message


async def test_an_operation_that_veo_never_heard_of_is_lost(generator: VeoGenerator) -> None:
    place = f"projects/p/locations/us-central1/publishers/google/models/{MODEL}"

    with pytest.raises(GenerationFailed) as caught:
        await generator.poll(f"{place}/operations/unheard-of")

    assert caught.value.code == "RESULT_LOST"
