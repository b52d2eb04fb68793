"""What Omni's failures mean to a job (`docs/omni.md`, 'Failures'): tables for submits, polls and ends."""

import logging
import re
from http import HTTPStatus

from google.genai.errors import APIError

from providers.omni.sdk_errors import Refusal, refusal_of
from providers.veo import errors as googles
from providers.veo.errors import GONE, filtered, misconfigured, no_model, rejected, result_lost
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


def failed_submit(error: Exception, model: str, *, went_out: bool) -> Exception:
    """Return what a submit's error means, told by what is known of whether Omni has accepted the job.

    An error that means nothing, before a request went out, is a mistake in the program: it comes back as it is.
    """
    refusal = refusal_of(error)
    if refusal is None:
        return googles.failed_submit(error, model, went_out=went_out)
    if refusal.status is None:
        return SubmissionUncertain(str(refusal)) if refusal.was_sent else NotAccepted(str(refusal), is_certain=True)
    return _refused_submit(refusal, model)


def failed_poll(error: Exception) -> Exception:
    """Return what the error of a poll means. A 400 was seen on a paid run that went on, so it ends no job."""
    refusal = refusal_of(error)
    if refusal is None:
        return GeneratorUnreachable(f"{type(error).__name__}: {error}")
    if refusal.status in GONE or _names_nothing(refusal):
        return result_lost()
    if refusal.status in _KEPT_OUT or _is_about_access(refusal):
        _log.error("The generator refuses our credentials: %s", refusal)
    return GeneratorUnreachable(str(refusal), retry_after_seconds=refusal.retry_after_seconds)


def failed_file(error: Exception, uri: str) -> Exception:
    """Return what it means that a finished video's file cannot be read; files are kept for 48 hours."""
    if not isinstance(error, APIError):
        return googles.failed_download(error, uri)
    if error.code in (*GONE, HTTPStatus.FORBIDDEN):
        return result_lost()
    return GeneratorUnreachable(f"{type(error).__name__}: {error}")


def failed_generation(code: str, message: str) -> GenerationFailed:
    """Return what the end of a generation without a video means; `code` is Google's word or number for it."""
    word = code.lower().rpartition("/")[2]
    if _is_blocked(word, message):
        return filtered(message)
    return rejected(message) if word in _INVALID else googles.gave_up(message, is_fault=word in _FAULTS + _RPC_FAULTS)


def _refused_submit(refusal: Refusal, model: str) -> Exception:
    status, reason = refusal.status or 0, str(refusal)
    if status in _KEPT_OUT or _is_about_access(refusal):
        return misconfigured(refusal.message)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return QuotaExceeded(reason, retry_after_seconds=_quota_seconds(refusal))
    if status == HTTPStatus.NOT_FOUND:
        return no_model(model)
    if status in googles.TOOK_TOO_LONG or status < HTTPStatus.BAD_REQUEST:
        return SubmissionUncertain(reason)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or refusal.code == "aborted":
        return NotAccepted(reason, is_certain=False, retry_after_seconds=refusal.retry_after_seconds)
    return filtered(refusal.message) if _is_blocked(refusal.code, refusal.message) else rejected(refusal.message)


def _is_about_access(refusal: Refusal) -> bool:
    """Whether an operator has to act: billing, a key that is unknown or expired, or that has no paid tier at all."""
    about_key = any(reason.startswith("API_KEY_") for reason in refusal.reasons) or "API_KEY_INVALID" in refusal.message
    return refusal.code == "failed_precondition" or about_key or bool(_NO_PAID_TIER.search(refusal.message))


def _names_nothing(refusal: Refusal) -> bool:
    return refusal.status == HTTPStatus.BAD_REQUEST and "invalid interaction name" in refusal.message.lower()


def _quota_seconds(refusal: Refusal) -> float | None:
    longest = DAILY_QUOTA_SECONDS if refusal.code == "quota_exceeded" else None
    return longest if refusal.retry_after_seconds is None else refusal.retry_after_seconds


def _is_blocked(code: str, message: str) -> bool:
    words = message.lower()
    return code in _BLOCKED or code.startswith("image_") or ("blocked" in words and "safety" in words)
