"""Polls, ends and files that fail: what each means, and what is asked for again. `docs/omni.md` has the table."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from google.genai.interactions import Interaction

from providers.omni.answers import tokens_of
from providers.omni.generator import OmniGenerator
from resolvers.ports import (
    Generated,
    GenerationFailed,
    GenerationInterrupted,
    GeneratorUnreachable,
    ResultUnreadable,
    StillGenerating,
)
from tests.doubles.answers import Answer, error
from tests.doubles.omni import OmniDouble, ended, output, refusal, said
from tests.providers.omni.test_failures import HTML, IN_A_LIST
from tests.providers.omni.test_wire import asked
from tests.providers.veo.asking import files


@pytest.mark.parametrize(
    "answer",
    [
        *(refusal(status, "trouble", "No") for status in (400, 401, 403, 408, 429, 500, 503)),
        HTML,
        IN_A_LIST,
        Answer(trouble="drop"),
        Answer(trouble="drop mid-body"),
        Answer(trouble="hang"),
        Answer(b""),
        Answer(b"<html>"),
        Answer({}),
        Answer({"id": "v1_1", "status": None}),
    ],
)
async def test_a_poll_that_is_not_answered_leaves_the_job_as_it_was(
    impatient: OmniGenerator, omni: OmniDouble, answer: Answer, scratch: Path
) -> None:
    name = await impatient.submit(asked())
    omni.script("poll", answer)

    with pytest.raises(GeneratorUnreachable):
        await impatient.poll(name)

    assert files(scratch) == []
    assert isinstance(await impatient.poll(name), Generated)


async def test_a_poll_honours_the_wait(generator: OmniGenerator, omni: OmniDouble) -> None:
    name = await generator.submit(asked())
    omni.script("poll", refusal(429, "rate_limit_exceeded", "Slowly", headers={"Retry-After": "9"}))

    with pytest.raises(GeneratorUnreachable) as caught:
        await generator.poll(name)

    assert caught.value.retry_after_seconds == 9.0


@pytest.mark.parametrize("answer", [refusal(404, "not_found", "Gone"), refusal(410, "gone", "Gone"), None])
async def test_an_interaction_that_is_gone_is_lost(
    generator: OmniGenerator, omni: OmniDouble, answer: Answer | None
) -> None:
    omni.script("poll", *([answer] if answer else []))  # without one: 400, "Invalid interaction name"

    with pytest.raises(GenerationFailed) as caught:
        await generator.poll("v1_unknown")

    assert caught.value.code == "RESULT_LOST"


@pytest.mark.parametrize("status", ["queued", "in_progress", "a new one"])
async def test_what_has_not_ended_is_asked_about_again(generator: OmniGenerator, omni: OmniDouble, status: str) -> None:
    name = await generator.submit(asked())
    omni.script("poll", ended(status))

    assert isinstance(await generator.poll(name), StillGenerating)


USAGE = {"output_tokens_by_modality": [{"modality": "video", "tokens": 5792}]}
ENDS: list[tuple[Answer, str, str]] = [
    (ended("completed", said("I cannot show a real person.")), "CONTENT_FILTERED", "I cannot show a real person."),
    (ended("completed"), "EMPTY_RESULT", "without a video"),
    (ended("completed", usage=USAGE), "EMPTY_RESULT", "without a video"),
    (ended("completed", said("")), "EMPTY_RESULT", "without a video"),
    (ended("failed", errors=[{"code": "prohibited_content", "message": "No."}]), "CONTENT_FILTERED", "No."),
    (ended("failed", errors=[{"code": "invalid_request", "message": "No."}]), "REJECTED_BY_GENERATOR", "No."),
    (ended("failed", output(error={"code": 3, "message": "No."})), "REJECTED_BY_GENERATOR", "No."),
    (ended("failed", output(error={"code": 7, "message": "No."})), "GENERATION_FAILED", "No."),
    (ended("failed", errors=[{"code": "unheard_of", "message": "No."}]), "GENERATION_FAILED", "No."),
    *(
        (ended(status), "GENERATION_FAILED", f"'{status}'")
        for status in (
            "failed",
            "incomplete",
            "budget_exceeded",
            "requires_action",
            "requires_continuation",
            "cancelled",
        )
    ),
]
FAULTS = [
    *(
        ended("failed", errors=[{"code": code, "message": "Later."}])
        for code in ("rate_limit_exceeded", "api_error", "service_unavailable", "deadline_exceeded")
    ),
    *(ended("failed", output(error={"code": code, "message": "Later."})) for code in (8, 13, 14)),
    ended("completed", output(error={"code": 14, "message": "Later."})),
]


@pytest.mark.parametrize(("answer", "code", "words"), ENDS)
async def test_an_end_without_a_video_has_its_reason(
    generator: OmniGenerator, omni: OmniDouble, answer: Answer, code: str, words: str
) -> None:
    name = await generator.submit(asked())
    omni.script("poll", answer)

    with pytest.raises(GenerationFailed) as caught:
        await generator.poll(name)

    assert (type(caught.value), caught.value.code) == (GenerationFailed, code)
    assert words in caught.value.message


@pytest.mark.parametrize("answer", FAULTS)
async def test_a_fault_of_the_generators_may_be_tried_once_more(
    generator: OmniGenerator, omni: OmniDouble, answer: Answer
) -> None:
    name = await generator.submit(asked())
    omni.script("poll", answer)

    with pytest.raises(GenerationInterrupted) as caught:
        await generator.poll(name)

    assert caught.value.code == "GENERATOR_FAULT"


async def test_a_video_that_was_billed_and_is_not_found_is_told_loudly(
    generator: OmniGenerator, omni: OmniDouble, caplog: pytest.LogCaptureFixture
) -> None:
    name = await generator.submit(asked())
    omni.script("poll", ended("completed"), ended("completed", usage=USAGE))

    for _ in range(2):
        with pytest.raises(GenerationFailed):
            await generator.poll(name)

    assert [record.levelname for record in caplog.records if "billed" in record.message] == ["CRITICAL"]


@pytest.mark.usefixtures("scratch")
@pytest.mark.parametrize("status", ["completed", "incomplete"])
async def test_a_video_in_the_answer_counts_whatever_is_said_beside_it(
    generator: OmniGenerator, omni: OmniDouble, status: str
) -> None:
    name = await generator.submit(asked())
    echoed = {"type": "user_input", "content": [{"type": "video", "uri": "https://example.com/files/not-ours"}]}
    video = {
        "type": "video",
        "mime_type": "video/mp4",
        "uri": "https://example.com/v1beta/files/abc:download?alt=media",
    }
    omni.script("poll", ended(status, echoed, output({"type": "text", "text": "Here it is."}, video), said("Bye.")))

    assert isinstance(await generator.poll(name), Generated)
    assert [file for file, _ in omni.downloads] == ["abc"]


@pytest.mark.parametrize("kind", ["file", "download"])
@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_file_that_is_gone_is_lost(
    generator: OmniGenerator, omni: OmniDouble, kind: str, status: int, scratch: Path
) -> None:
    name = await generator.submit(asked())
    omni.script(kind, error(status, "No such file"))

    with pytest.raises(GenerationFailed) as caught:
        await generator.poll(name)

    assert (caught.value.code, files(scratch)) == ("RESULT_LOST", [])


@pytest.mark.parametrize("uri", ["https://elsewhere.example/a.mp4", "https://elsewhere.example/files/"])
async def test_an_address_that_is_none_of_the_files_api_is_not_asked_for_long(
    generator: OmniGenerator, omni: OmniDouble, uri: str
) -> None:
    name = await generator.submit(asked())
    omni.script("poll", ended("completed", output({"type": "video", "uri": uri})))

    with pytest.raises(ResultUnreadable, match=f"^{uri}"):
        await generator.poll(name)

    assert omni.downloads == []


async def test_a_file_that_has_failed_is_no_video(generator: OmniGenerator, omni: OmniDouble) -> None:
    name = await generator.submit(asked())
    omni.script("file", Answer({"name": "files/x", "state": "FAILED"}))

    with pytest.raises(GenerationFailed) as caught:
        await generator.poll(name)

    assert caught.value.code == "GENERATION_FAILED"


@pytest.mark.parametrize("kind", ["file", "download"])
@pytest.mark.parametrize("answer", [error(503, "Later"), error(429, "Slowly"), HTML, Answer(trouble="drop")])
async def test_a_file_that_cannot_be_fetched_is_fetched_later(
    impatient: OmniGenerator, omni: OmniDouble, kind: str, answer: Answer, scratch: Path
) -> None:
    name = await impatient.submit(asked())
    omni.script(kind, answer)

    with pytest.raises(GeneratorUnreachable):
        await impatient.poll(name)

    assert files(scratch) == []
    assert isinstance(await impatient.poll(name), Generated)
    assert len(omni.creates) == 1


async def test_a_download_that_is_cut_or_cancelled_leaves_no_file(
    impatient: OmniGenerator, omni: OmniDouble, scratch: Path
) -> None:
    name = await impatient.submit(asked())
    omni.script("download", Answer({"size": "many"}, trouble="drop mid-body"), Answer(trouble="hang"))

    with pytest.raises(GeneratorUnreachable):
        await impatient.poll(name)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(impatient.poll(name), 0.1)

    assert files(scratch) == []


ODD: dict[str, dict[str, Any]] = {
    "a number for a code": {"status": "failed", "errors": [{"code": 13, "message": "boom"}]},
    "errors as an object": {"status": "failed", "errors": {"code": "x"}},
    "errors as texts": {"status": "failed", "errors": ["boom"]},
    "a message that is an object": {"status": "failed", "errors": [{"code": "internal", "message": {"a": 1}}]},
    "steps as an object": {"status": "completed", "steps": {"a": 1}},
    "a step that is null": {"status": "completed", "steps": [None]},
    "contents as a text": {"status": "completed", "steps": [{"type": "model_output", "content": "hello"}]},
    "a number for data": {"status": "completed", "steps": [output({"type": "video", "data": 5})]},
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
async def test_an_answer_of_other_types_than_promised_is_no_fault_of_ours(
    generator: OmniGenerator, omni: OmniDouble, answer: dict[str, Any]
) -> None:
    name = await generator.submit(asked())
    omni.script("poll", Answer({"id": name, "model": "gemini-omni-1.2-flash", "object": "interaction"} | answer))

    with pytest.raises((GenerationFailed, ResultUnreadable, GeneratorUnreachable)):
        await generator.poll(name)


def used(modality: str, tokens: int) -> SimpleNamespace:
    entry = SimpleNamespace(modality=modality, tokens=tokens)
    return SimpleNamespace(
        input_tokens_by_modality=None,
        total_input_tokens=7,
        output_tokens_by_modality=[entry],
        total_output_tokens=None,
        total_thought_tokens=None,
    )


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ([1], {}),
        (SimpleNamespace(**vars(used("video", 5)) | {"output_tokens_by_modality": {"video": 5}}), {}),
        (used("video", 10**30), {"input": 7}),
        (used("vi\x00deo", 5), {"input": 7}),
        (used("video", 5), {"input": 7, "output_video": 5}),
    ],
)
def test_no_video_is_lost_for_what_it_is_said_to_have_used(usage: object, tokens: dict[str, int]) -> None:
    assert tokens_of(cast("Interaction", SimpleNamespace(id="v1_1", usage=usage))) == tokens
