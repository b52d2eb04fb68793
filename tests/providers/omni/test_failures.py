"""Submits, polls and ends that fail: what each means, how often it was sent. `docs/omni.md` has the table."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from providers.omni.errors import DAILY_QUOTA_SECONDS
from providers.omni.generator import OmniAccess, OmniGenerator
from resolvers.ports import (
    Generated,
    GenerationFailed,
    GenerationInterrupted,
    GeneratorMisconfigured,
    GeneratorUnreachable,
    NotAccepted,
    QuotaExceeded,
    StillGenerating,
    SubmissionUncertain,
)
from tests.doubles.answers import Answer, error, quota_exceeded
from tests.doubles.omni import OmniDouble, ended, output, refusal, said
from tests.providers.omni.test_wire import MODEL, asked
from tests.providers.veo.asking import files, free_port

HTML = Answer(b"<html>Bad Gateway</html>", 502)
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
IN_A_LIST = Answer(b'[{"error": {"code": 403, "message": "Not yours", "status": "PERMISSION_DENIED"}}]', 403)

REFUSED: list[tuple[Answer, str]] = [
    (refusal(400, "invalid_request", "No such duration"), "REJECTED_BY_GENERATOR"),
    (refusal(400, "parameter_unknown", "labels"), "REJECTED_BY_GENERATOR"),
    (refusal(413, "invalid_request", "Too large"), "REJECTED_BY_GENERATOR"),
    (refusal(409, "already_exists", "There is one"), "REJECTED_BY_GENERATOR"),
    *(
        (refusal(400, code, "No"), "CONTENT_FILTERED")
        for code in ("safety", "prohibited_content", "spii", "image_safety")
    ),
    (refusal(400, "invalid_request", "The request was blocked for safety reasons"), "CONTENT_FILTERED"),
    (refusal(404, "model_not_found", "No such model"), "MODEL_NOT_AVAILABLE"),
]
MISCONFIGURED = [
    refusal(401, "authentication", "No"),
    refusal(402, "payment_required", "Prepaid credit is used up"),
    refusal(403, "permission_denied", "No"),
    IN_A_LIST,
    refusal(400, "failed_precondition", "Billing is off"),
    error(400, "API key not valid.", reason="INVALID_ARGUMENT", details=[BAD_KEY]),
    refusal(429, "quota_exceeded", "Quota exceeded for metric x, limit: 0, model: omni"),
]


@pytest.mark.parametrize(("answer", "code"), REFUSED)
async def test_a_refused_submit_fails_for_good(
    generator: OmniGenerator, omni: OmniDouble, answer: Answer, code: str
) -> None:
    omni.script("create", answer)

    with pytest.raises(GenerationFailed) as caught:
        await generator.submit(asked())

    assert (type(caught.value), caught.value.code) == (GenerationFailed, code)
    named = MODEL if code == "MODEL_NOT_AVAILABLE" else message_of(answer)
    assert named in caught.value.message
    assert (len(omni.creates), len(omni.accepted)) == (1, 0)


def message_of(answer: Answer) -> str:
    assert isinstance(answer.body, Mapping)
    return str(answer.body["error"]["message"])


@pytest.mark.parametrize("answer", MISCONFIGURED)
async def test_what_an_operator_has_to_mend_is_told_to_nobody_else(
    generator: OmniGenerator, omni: OmniDouble, answer: Answer
) -> None:
    omni.script("create", answer)

    with pytest.raises(GeneratorMisconfigured) as caught:
        await generator.submit(asked())

    assert caught.value.code == "GENERATOR_MISCONFIGURED"
    assert caught.value.reason not in caught.value.message
    assert (len(omni.creates), len(omni.accepted)) == (1, 0)


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (refusal(429, "rate_limit_exceeded", "Slowly, limit: 0.5 a second"), None),
        (refusal(429, "too_many_requests", "Slowly, limit: 10", headers={"Retry-After": "7"}), 7.0),
        (refusal(429, "quota_exceeded", "For today"), DAILY_QUOTA_SECONDS),
        (refusal(429, "quota_exceeded", "For today", headers={"Retry-After": "7"}), 7.0),
        (quota_exceeded("12s"), 12.0),
        (replace(quota_exceeded("12s"), headers={"Retry-After": "7"}), 12.0),
        (Answer(b"slow down", 429), None),
    ],
)
async def test_a_submit_over_quota_is_certainly_not_accepted_and_honours_the_wait(
    generator: OmniGenerator, omni: OmniDouble, answer: Answer, seconds: float | None
) -> None:
    omni.script("create", answer)

    with pytest.raises(QuotaExceeded) as caught:
        await generator.submit(asked())

    assert (caught.value.is_certain, caught.value.retry_after_seconds) == (True, seconds)
    assert (len(omni.creates), len(omni.accepted)) == (1, 0)


@pytest.mark.parametrize(
    "answer",
    [refusal(409, "aborted", "Again"), *(refusal(n, "api_error", "Later") for n in (500, 501, 502, 503, 529)), HTML],
)
async def test_a_server_error_is_probably_not_accepted_and_not_tried_again_here(
    generator: OmniGenerator, omni: OmniDouble, answer: Answer
) -> None:
    omni.script("create", answer)

    with pytest.raises(NotAccepted) as caught:
        await generator.submit(asked())

    assert not caught.value.is_certain
    assert (len(omni.creates), len(omni.accepted)) == (1, 0)


UNCERTAIN = {
    "408": refusal(408, "timeout", "Slow", accepts=True),
    "499": refusal(499, "cancelled", "Gone", accepts=True),
    "504": refusal(504, "deadline_exceeded", "Slow", accepts=True),
    "dropped": Answer(trouble="drop"),
    "dropped after it was accepted": Answer(trouble="drop", accepts=True),
    "dropped in the answer": Answer(trouble="drop mid-body"),
    "empty": Answer(b"", accepts=True),
    "half an answer": Answer(b'{"id": "v1_', accepts=True),
    "HTML": Answer(b"<html>", accepts=True),
    "JSON, but no object": Answer(b"[1, 2]", accepts=True),
    "without an id": Answer({}, accepts=True),
    "an empty id": Answer({"id": "", "status": "in_progress"}, accepts=True),
    "created": Answer({}, 201, accepts=True),
    "a redirect": Answer({}, 302, {"Location": "/v1beta/interactions"}, accepts=True),
    "a redirect that asks for a POST": Answer({}, 307, {"Location": "/v1beta/interactions"}, accepts=True),
    "no answer in time": Answer(trouble="hang", accepts=True),
}


@pytest.mark.parametrize("kind", UNCERTAIN)
async def test_an_ambiguous_submit_is_uncertain_and_sent_once(
    impatient: OmniGenerator, omni: OmniDouble, kind: str
) -> None:
    omni.script("create", UNCERTAIN[kind])

    with pytest.raises(SubmissionUncertain):
        await impatient.submit(asked())

    assert (len(omni.creates), len(omni.accepted)) == (1, kind != "dropped")


async def test_a_submit_that_cannot_connect_is_certainly_not_accepted(access: OmniAccess) -> None:
    generator = OmniGenerator(replace(access, base_url=f"http://127.0.0.1:{free_port()}"))

    with pytest.raises(NotAccepted) as caught:
        await generator.submit(asked())
    await generator.aclose()

    assert caught.value.is_certain


async def test_a_mistake_of_ours_is_not_taken_for_an_uncertain_submit(
    generator: OmniGenerator, omni: OmniDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.omni.generator.body_of", lambda *_a, **_k: {"model": MODEL, "no_such_word": 1})

    with pytest.raises(Exception, match="no_such_word") as caught:
        await generator.submit(asked())

    assert not isinstance(caught.value, SubmissionUncertain | NotAccepted)
    assert omni.creates == []


# Polls


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


# Files


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
