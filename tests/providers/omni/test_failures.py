"""Submits, polls and ends that fail: what each means, how often it was sent. `docs/omni.md` has the table."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from providers.omni.errors import DAILY_QUOTA_SECONDS
from providers.omni.generator import OmniAccess, OmniGenerator
from resolvers.ports import GenerationFailed, GeneratorMisconfigured, NotAccepted, QuotaExceeded, SubmissionUncertain
from tests.doubles.answers import Answer, error, quota_exceeded
from tests.doubles.omni import OmniDouble, refusal
from tests.providers.omni.test_wire import MODEL, asked
from tests.providers.veo.asking import free_port

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
    "524 of a proxy": Answer(b"<html>A timeout occurred</html>", 524, accepts=True),
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
