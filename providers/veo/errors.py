"""What Veo's failures mean to a job. Google's SDK lets its own errors, httpx's and google-auth's through."""

import logging
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from json import JSONDecodeError
from typing import Any

import httpx
from google.api_core.exceptions import NotFound, ServerError, TooManyRequests
from google.auth.exceptions import GoogleAuthError, TransportError
from google.genai.errors import APIError

from resolvers.ports import (
    GenerationFailed,
    GenerationInterrupted,
    GeneratorMisconfigured,
    GeneratorUnreachable,
    NotAccepted,
    QuotaExceeded,
    ResultUnreadable,
    SubmissionUncertain,
)

_log = logging.getLogger("lookreel.providers")

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_NOT_AN_ADDRESS = (httpx.UnsupportedProtocol, httpx.InvalidURL)
_COMES_LATER = (httpx.HTTPError, JSONDecodeError)  # than sending, whatever is known of that
_KEPT_OUT = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)

# Codes of google.rpc.Status, as operations carry them.
_INVALID_ARGUMENT = 3
_FAULTS = (8, 13, 14)  # RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE


TOOK_TOO_LONG = (HTTPStatus.REQUEST_TIMEOUT, 499, HTTPStatus.GATEWAY_TIMEOUT, 524)
"""Somebody had the request, and gave up waiting for what came of it: 499 and 524 are proxies' own."""

LONGEST_WAIT_SECONDS = 86_400.0
"""Quotas are of a minute or of a day."""


def failed_submit(error: Exception, model: str, *, went_out: bool) -> Exception:
    """Return what a submit's error means, told by what is known of whether Veo has accepted the job.

    An error that means nothing, before a request went out, is a mistake in the program: it comes back as it is.
    """
    match error:
        case APIError():
            return _refused_submit(error, model)
        case GoogleAuthError():
            return _no_credentials(error)
        case httpx.TransportError() if isinstance(error, NEVER_SENT):
            return NotAccepted(_reason(error), is_certain=True)
        case _ if isinstance(error, _NOT_AN_ADDRESS):
            return misconfigured(_reason(error))
        case _ if went_out or isinstance(error, _COMES_LATER):
            return SubmissionUncertain(_reason(error))
    return error


def failed_poll(error: Exception) -> Exception:
    """Return what the error of a poll means. A status ends the job only where no later answer can be another one."""
    match error:
        case APIError() if error.code in GONE:
            return result_lost()
        case APIError(code=HTTPStatus.BAD_REQUEST) if not _is_about_key(error):
            return rejected(_googles_message(error))
        case APIError():
            if error.code in _KEPT_OUT or _is_about_key(error):
                _log.error("The generator refuses our credentials: %s", _reason(error))
            return GeneratorUnreachable(_reason(error), retry_after_seconds=_retry_after_seconds(error))
        case GoogleAuthError():
            if not _is_passing(error):
                _log.error("There are no credentials for the generator: %s", _reason(error))
            return GeneratorUnreachable(_reason(error))
        case httpx.HTTPError() | OSError():
            return GeneratorUnreachable(_reason(error))
    return ResultUnreadable(_reason(error))


def failed_download(error: Exception, address: str) -> Exception:
    """Return what it means that a finished video cannot be fetched from its address in a bucket, or written down."""
    match error:
        case NotFound():
            return result_lost()
        case ServerError() | TooManyRequests() | TransportError() | httpx.HTTPError() | OSError():
            return GeneratorUnreachable(f"{address}: {_reason(error)}")
    return ResultUnreadable(f"{address}: {_reason(error)}")


def failed_operation(error: Mapping[str, Any]) -> GenerationFailed:
    """Return what the error in an operation that is done means."""
    code, message = error.get("code"), str(error.get("message") or "no reason given")
    return rejected(message) if code == _INVALID_ARGUMENT else gave_up(message, is_fault=code in _FAULTS)


def gave_up(message: str, *, is_fault: bool) -> GenerationFailed:
    """Return what it means that a generation has ended without a video, by a fault of the generator's or else."""
    if is_fault:
        sentence = f"The generator had a fault of its own ({message}). Try again later."
        return GenerationInterrupted("GENERATOR_FAULT", sentence)
    return GenerationFailed("GENERATION_FAILED", f"The generator could not make this video: {message}")


def filtered(reason: str) -> GenerationFailed:
    """Return what it means that there is a reason in place of a video."""
    sentence = f"The generator's safety filter held this video back: {reason} Change the prompt or the images."
    return GenerationFailed("CONTENT_FILTERED", sentence)


def result_lost() -> GenerationFailed:
    """Return what is left to say when the generator has forgotten the operation or its video."""
    return GenerationFailed("RESULT_LOST", "The generator no longer has this video. Create a new video job.")


def _refused_submit(error: APIError, model: str) -> Exception:
    match error.code:
        case HTTPStatus.TOO_MANY_REQUESTS:
            return QuotaExceeded(_reason(error), retry_after_seconds=_retry_after_seconds(error))
        case code if code in _KEPT_OUT or _is_about_key(error):
            return misconfigured(_googles_message(error))
        case HTTPStatus.NOT_FOUND:
            return no_model(model)
        case code if code in TOOK_TOO_LONG or code < HTTPStatus.BAD_REQUEST:
            return SubmissionUncertain(_reason(error))
        case code if code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            retry_after_seconds = _retry_after_seconds(error)
            return NotAccepted(_reason(error), is_certain=False, retry_after_seconds=retry_after_seconds)
    return rejected(_googles_message(error))


def _no_credentials(error: GoogleAuthError) -> Exception:
    """Return what a submit without a token means: it was never sent."""
    if _is_passing(error):
        return NotAccepted(_reason(error), is_certain=True)
    return misconfigured(_reason(error))


def _is_passing(error: GoogleAuthError) -> bool:
    return isinstance(error, TransportError) or bool(error.retryable)


def _is_about_key(error: APIError) -> bool:
    """Whether a 400 is Google's answer to a key that it does not know or that has expired (google.rpc.ErrorInfo)."""
    return any(str(detail.get("reason", "")).startswith("API_KEY_") for detail in _details(error.details))


def misconfigured(reason: str) -> GeneratorMisconfigured:
    """Return what it means that we are not let in; the reason is for operators."""
    sentence = "Video generation is not set up correctly on our side. Please try again later."
    return GeneratorMisconfigured("GENERATOR_MISCONFIGURED", sentence, reason)


def no_model(model: str) -> GenerationFailed:
    """Return what it means that there is no such model, or none for us."""
    sentence = f"The model {model} is not available at the generator. Choose another model."
    return GenerationFailed("MODEL_NOT_AVAILABLE", sentence)


def rejected(message: str) -> GenerationFailed:
    """Return what it means that what was asked for is refused."""
    return GenerationFailed("REJECTED_BY_GENERATOR", f"The generator refused this request: {message}")


def _googles_message(error: APIError) -> str:
    return str(error.message or error.status or "no reason given")


def _reason(error: Exception) -> str:
    if isinstance(error, APIError):
        return f"{error.code} {error.status}: {_googles_message(error)}"
    return f"{type(error).__name__}: {error}"


def _retry_after_seconds(error: APIError) -> float | None:
    headers = error.response.headers if isinstance(error.response, httpx.Response) else {}
    return retry_after_seconds(error.details, headers)


def retry_after_seconds(answer: object, headers: Mapping[str, str]) -> float | None:
    """Return what RetryInfo among the details of an answer's error says, else the header Retry-After, else None.

    At most `LONGEST_WAIT_SECONDS`: one answer that makes no sense must not block a provider for all jobs.
    """
    for detail in _details(answer):
        if str(detail.get("@type", "")).endswith("google.rpc.RetryInfo"):
            return _seconds(str(detail.get("retryDelay", "")).removesuffix("s"))
    return _seconds_of_header(headers.get("Retry-After", ""))


def _details(answer: object) -> list[Mapping[str, Any]]:
    error = answer.get("error") if isinstance(answer, Mapping) else None
    details = error.get("details") if isinstance(error, Mapping) else None
    return [detail for detail in details if isinstance(detail, Mapping)] if isinstance(details, list) else []


def _seconds_of_header(value: str) -> float | None:
    """Read either form of the header: seconds, or a date."""
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return _seconds(value)
    return _bounded((date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return _bounded(seconds) if 0 <= seconds < math.inf else None


def _bounded(seconds: float) -> float:
    return min(max(0.0, seconds), LONGEST_WAIT_SECONDS)
