"""Submits that fail: which of them were certainly not accepted, and which may have been."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from providers.veo.errors import LONGEST_WAIT_SECONDS
from providers.veo.generator import VeoGenerator
from resolvers.ports import (
    GenerationFailed,
    GeneratorMisconfigured,
    NotAccepted,
    QuotaExceeded,
    SubmissionUncertain,
)
from tests.doubles.answers import Answer, error, quota_exceeded
from tests.doubles.veo import VeoDouble
from tests.house import eventually
from tests.providers.veo.asking import asked, free_port, number_of


@pytest.mark.parametrize("status", [400, 409, 413])
async def test_a_refused_submit_fails_with_googles_message(
    generator: VeoGenerator, veo: VeoDouble, status: int
) -> None:
    veo.script_submit(error(status, "Prompts of violence are not allowed", reason="INVALID_ARGUMENT"))

    with pytest.raises(GenerationFailed) as caught:
        await generator.submit(asked())

    assert type(caught.value) is GenerationFailed
    assert caught.value.code == "REJECTED_BY_GENERATOR"
    assert "Prompts of violence are not allowed" in caught.value.message
    assert (len(veo.submits), len(veo.accepted)) == (1, 0)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_submit_without_permission_tells_the_owner_nothing_and_the_operator_all(
    generator: VeoGenerator, veo: VeoDouble, status: int
) -> None:
    veo.script_submit(error(status, "Permission denied on project secret-project", reason="PERMISSION_DENIED"))

    with pytest.raises(GeneratorMisconfigured) as caught:
        await generator.submit(asked())

    assert caught.value.code == "GENERATOR_MISCONFIGURED"
    assert "secret-project" not in caught.value.message
    assert caught.value.reason == "Permission denied on project secret-project"
    assert (len(veo.submits), len(veo.accepted)) == (1, 0)


@pytest.mark.parametrize("reason", ["API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED"])
async def test_a_key_that_google_does_not_know_is_no_fault_of_the_request(
    generator: VeoGenerator, veo: VeoDouble, reason: str
) -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}]
    veo.script_submit(error(400, "API key not valid.", reason="INVALID_ARGUMENT", details=details))

    with pytest.raises(GeneratorMisconfigured) as caught:
        await generator.submit(asked())

    assert (caught.value.reason, "key" in caught.value.message) == ("API key not valid.", False)
    assert (len(veo.submits), len(veo.accepted)) == (1, 0)


async def test_a_model_that_is_gone_is_named(generator: VeoGenerator, veo: VeoDouble) -> None:
    veo.script_submit(error(404, "Publisher Model was not found", reason="NOT_FOUND"))

    with pytest.raises(GenerationFailed) as caught:
        await generator.submit(asked(model="veo-2.0-generate-exp"))

    assert caught.value.code == "MODEL_NOT_AVAILABLE"
    assert "veo-2.0-generate-exp" in caught.value.message
    assert (len(veo.submits), len(veo.accepted)) == (1, 0)


QUOTA_ANSWERS = [
    (quota_exceeded("12s"), 12.0),
    (quota_exceeded("0.5s"), 0.5),
    (quota_exceeded("soon"), None),
    (quota_exceeded("infs"), None),
    (quota_exceeded(), None),
    (replace(quota_exceeded(), headers={"Retry-After": "7"}), 7.0),
    (replace(quota_exceeded("12s"), headers={"Retry-After": "7"}), 12.0),
    (replace(quota_exceeded(), headers={"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}), 0.0),
    (Answer(b"slow down", status=429), None),
    (Answer(b'[{"error": {"details": "none"}}]', status=429), None),
    (quota_exceeded("1e15s"), LONGEST_WAIT_SECONDS),
    (replace(quota_exceeded(), headers={"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}), LONGEST_WAIT_SECONDS),
    (replace(quota_exceeded(), headers={"Retry-After": "Wed, 21 Oct 99999999999999999999 07:28:00 GMT"}), None),
]


@pytest.mark.parametrize(("answer", "seconds"), QUOTA_ANSWERS)
async def test_a_submit_over_quota_is_certainly_not_accepted_and_honours_the_wait(
    generator: VeoGenerator, veo: VeoDouble, answer: Answer, seconds: float | None
) -> None:
    veo.script_submit(answer)

    with pytest.raises(QuotaExceeded) as caught:
        await generator.submit(asked())

    assert caught.value.is_certain
    assert caught.value.retry_after_seconds == seconds
    assert (len(veo.submits), len(veo.accepted)) == (1, 0)


@pytest.mark.parametrize("status", [500, 502, 503, 529])
async def test_a_server_error_on_submit_is_probably_not_accepted_and_not_tried_again_here(
    generator: VeoGenerator, veo: VeoDouble, status: int
) -> None:
    veo.script_submit(error(status, "Unavailable", reason="UNAVAILABLE"))

    with pytest.raises(NotAccepted, match=f"{status}.*Unavailable") as caught:
        await generator.submit(asked())

    assert not caught.value.is_certain
    assert (len(veo.submits), len(veo.accepted)) == (1, 0)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_submit_that_cannot_connect_is_certainly_not_accepted(
    another: Callable[..., VeoGenerator], scheme: str
) -> None:
    generator = another(base_url=f"{scheme}://127.0.0.1:{free_port()}")

    with pytest.raises(NotAccepted, match="ConnectError") as caught:
        await generator.submit(asked())

    assert caught.value.is_certain


async def test_a_submit_that_fails_at_tls_is_certainly_not_accepted(
    another: Callable[..., VeoGenerator], veo: VeoDouble
) -> None:
    generator = another(base_url=veo.url.replace("http:", "https:"))

    with pytest.raises(NotAccepted, match="ConnectError") as caught:
        await generator.submit(asked())

    assert caught.value.is_certain
    assert veo.submits == []


async def test_a_base_url_that_is_none_is_an_operators_mistake(another: Callable[..., VeoGenerator]) -> None:
    with pytest.raises(GeneratorMisconfigured) as caught:
        await another(base_url="localhost:8080").submit(asked())

    assert "localhost" not in caught.value.message


AMBIGUOUS = {
    **{str(status): error(status, "Took too long") for status in (408, 499, 504, 524)},
    "dropped": Answer(trouble="drop", accepts=True),
    "dropped before it was accepted": Answer(trouble="drop"),
    "dropped in the middle of the answer": Answer(trouble="drop mid-body", accepts=True),
    "broken JSON": Answer(b'{"name": "projects/', accepts=True),
    "JSON, but no object": Answer(b"[1, 2]", accepts=True),
    "empty": Answer(b"", accepts=True),
    "no name": Answer({"done": False}, accepts=True),
    "an empty name": Answer({"name": ""}, accepts=True),
    "a name that is no text": Answer({"name": {"projects": 1}}, accepts=True),
    "a redirect": Answer({}, status=307, headers={"Location": "/elsewhere"}, accepts=True),
    "created": Answer({}, status=201, accepts=True),
}


@pytest.mark.parametrize("kind", AMBIGUOUS)
async def test_an_ambiguous_submit_is_uncertain_and_sent_once(
    generator: VeoGenerator, veo: VeoDouble, kind: str
) -> None:
    veo.script_submit(AMBIGUOUS[kind])

    with pytest.raises(SubmissionUncertain):
        await generator.submit(asked())

    assert len(veo.submits) == 1
    assert len(veo.accepted) == AMBIGUOUS[kind].accepts


async def test_a_submit_without_an_answer_in_time_is_uncertain(
    another: Callable[..., VeoGenerator], veo: VeoDouble
) -> None:
    veo.script_submit(Answer(trouble="hang", accepts=True))

    with pytest.raises(SubmissionUncertain, match="ReadTimeout"):
        await another(timeout_seconds=0.2).submit(asked())

    assert (len(veo.submits), len(veo.accepted)) == (1, 1)


async def test_a_cancelled_submit_is_cancelled(generator: VeoGenerator, veo: VeoDouble) -> None:
    veo.script_submit(Answer(trouble="hang"))
    task = asyncio.create_task(generator.submit(asked()))
    await eventually(number_of(veo.submits), lambda number: number == 1)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_mistake_of_ours_is_not_taken_for_an_uncertain_submit(generator: VeoGenerator, veo: VeoDouble) -> None:
    with pytest.raises(ValueError, match="model"):
        await generator.submit(asked(model="../elsewhere"))

    assert veo.submits == []
