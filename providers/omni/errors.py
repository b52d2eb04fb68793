"""What Omni's failures mean to a job (`docs/omni.md`, 'Failures'): tables for submits, polls and ends.

What Google's SDK raises for interactions is private to it, and none of `google.genai.errors`, which `files` and
`models` raise: `_refusal_of` reads it. A missing answer is an `APIConnectionError` with httpx's error as its cause; an
answer that is none of an interaction is an `APIError` with the answer's status.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx
from google.genai import _interactions as interactions
from google.genai.errors import APIError

from providers.veo import errors as googles
from resolvers.ports import GenerationFailed, GeneratorUnreachable, NotAccepted, QuotaExceeded, SubmissionUncertain

_log = logging.getLogger("lookreel.providers")

DAILY_QUOTA_SECONDS = 3600.0
"""How long to wait for a quota of a day, where the answer does not say."""

_KEPT_OUT = (HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN)

_BLOCKED = frozenset(
    ("safety", "prohibited_content", "spii", "blocklist", "recitation", "language", "content_blocked", "blocked")
)
_FAULTS = ("rate_limit_exceeded", "too_many_requests", "api_error", "service_unavailable", "deadline_exceeded")
# The names and numbers of google.rpc.Code for the same.
_RPC_FAULTS = ("resource_exhausted", "internal", "unavailable", "8", "13", "14")
_NO_PAID_TIER = re.compile(r"limit: 0(?!\.?\d)")
_INVALID = ("invalid_request", "invalid_argument", "3")


@dataclass(frozen=True)
class Refusal:
    """An answer that is an error, or none. `status` is that of HTTP, None where there was no answer.

    `code` is Google's word for it, in lower case: `invalid_request`, `resource_exhausted`. `reasons` are those in its
    details (google.rpc.ErrorInfo). `was_sent` is False where the request has certainly not left.
    """

    status: int | None
    code: str
    message: str
    reasons: tuple[str, ...] = ()
    was_sent: bool = True
    retry_after_seconds: float | None = None

    def __str__(self) -> str:
        return f"{self.status or 'no answer'} {self.code}: {self.message}"


def failed_submit(error: Exception, model: str, *, went_out: bool) -> Exception:
    """Return what a submit's error means, told by what is known of whether Omni has accepted the job.

    An error that means nothing, before a request went out, is a mistake in the program: it comes back as it is.
    """
    refusal = _refusal_of(error)
    if refusal is None:
        return googles.failed_submit(error, model, went_out=went_out)
    if refusal.status is None:
        return SubmissionUncertain(str(refusal)) if refusal.was_sent else NotAccepted(str(refusal), is_certain=True)
    return _refused_submit(refusal, model)


def failed_poll(error: Exception) -> Exception:
    """Return what the error of a poll means. A 400 was seen on a paid run that went on, so it ends no job."""
    refusal = _refusal_of(error)
    if refusal is None:
        return GeneratorUnreachable(f"{type(error).__name__}: {error}")
    names_nothing = refusal.status == HTTPStatus.BAD_REQUEST and "invalid interaction name" in refusal.message.lower()
    if refusal.status in googles.GONE or names_nothing:
        return googles.result_lost()
    if refusal.status in _KEPT_OUT or _is_about_access(refusal):
        _log.error("The generator refuses our credentials: %s", refusal)
    return GeneratorUnreachable(str(refusal), retry_after_seconds=refusal.retry_after_seconds)


def failed_file(error: Exception, uri: str) -> Exception:
    """Return what it means that a finished video's file cannot be read; files are kept for 48 hours."""
    if not isinstance(error, APIError):
        return googles.failed_download(error, uri)
    if error.code in (*googles.GONE, HTTPStatus.FORBIDDEN):
        return googles.result_lost()
    return GeneratorUnreachable(f"{type(error).__name__}: {error}")


def failed_generation(code: str, message: str) -> GenerationFailed:
    """Return what the end of a generation without a video means; `code` is Google's word or number for it."""
    word = code.lower().rpartition("/")[2]
    if _is_blocked(word, message):
        return googles.filtered(message)
    return (
        googles.rejected(message)
        if word in _INVALID
        else googles.gave_up(message, is_fault=word in _FAULTS + _RPC_FAULTS)
    )


def _refused_submit(refusal: Refusal, model: str) -> Exception:
    status, reason = refusal.status or 0, str(refusal)
    if status in _KEPT_OUT or _is_about_access(refusal):
        return googles.misconfigured(refusal.message)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return QuotaExceeded(reason, retry_after_seconds=_quota_seconds(refusal))
    if status == HTTPStatus.NOT_FOUND:
        return googles.no_model(model)
    if status in googles.TOOK_TOO_LONG or status < HTTPStatus.BAD_REQUEST:
        return SubmissionUncertain(reason)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or refusal.code == "aborted":
        return NotAccepted(reason, is_certain=False, retry_after_seconds=refusal.retry_after_seconds)
    return (
        googles.filtered(refusal.message)
        if _is_blocked(refusal.code, refusal.message)
        else googles.rejected(refusal.message)
    )


def _is_about_access(refusal: Refusal) -> bool:
    """Whether an operator has to act: billing, a key that is unknown or expired, or that has no paid tier at all."""
    about_key = any(reason.startswith("API_KEY_") for reason in refusal.reasons) or "API_KEY_INVALID" in refusal.message
    return refusal.code == "failed_precondition" or about_key or bool(_NO_PAID_TIER.search(refusal.message))


def _quota_seconds(refusal: Refusal) -> float | None:
    longest = DAILY_QUOTA_SECONDS if refusal.code == "quota_exceeded" else None
    return longest if refusal.retry_after_seconds is None else refusal.retry_after_seconds


def _is_blocked(code: str, message: str) -> bool:
    words = message.lower()
    return code in _BLOCKED or code.startswith("image_") or ("blocked" in words and "safety" in words)


def _refusal_of(error: Exception) -> Refusal | None:
    """Read an error of the SDK's, for interactions or for models; None for any other."""
    match error:
        case interactions.APIConnectionError():
            cause = error.__cause__ or error
            was_sent = not isinstance(cause, googles.NEVER_SENT)
            return Refusal(None, "", f"{type(cause).__name__}: {cause}", was_sent=was_sent)
        case interactions.APIError():
            response = getattr(error, "response", None)
            return _answered(error.status_code, error.body, error.message, response)
        case APIError():
            return _answered(error.code, error.details, str(error.message), error.response)
    return None


def _answered(status: int | None, body: object, message: str, response: object) -> Refusal:
    told = _error_in(body)
    code = told.get("status") or told.get("code")
    details = told.get("details")
    listed = details if isinstance(details, list) else []
    reasons = (detail.get("reason") for detail in listed if isinstance(detail, Mapping))
    headers = response.headers if isinstance(response, httpx.Response) else {}
    return Refusal(
        status,
        code.lower() if isinstance(code, str) else "",
        str(told.get("message") or message),
        tuple(reason for reason in reasons if isinstance(reason, str)),
        retry_after_seconds=googles.retry_after_seconds({"error": told}, headers),
    )


def _error_in(body: object) -> Mapping[str, Any]:
    """Find the error in either of Google's two spellings, the second of which also comes in a list."""
    answer = body[0] if isinstance(body, list) and body else body
    error = answer.get("error") if isinstance(answer, Mapping) else None
    return error if isinstance(error, Mapping) else {}
