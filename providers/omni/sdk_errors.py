"""What Google's SDK raises for interactions, read in one place: these classes are private to it.

They are not those of `google.genai.errors`, which `files` and `models` raise. A missing answer is an
`APIConnectionError` with httpx's error as its cause; an answer that is none of an interaction is an `APIError` with the
answer's status.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from google.genai._interactions import APIConnectionError, APIError
from google.genai.errors import APIError as PublicAPIError

from providers.veo.errors import NEVER_SENT, retry_after_seconds


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


def refusal_of(error: Exception) -> Refusal | None:
    """Read an error of the SDK's, for interactions or for models; None for any other."""
    match error:
        case APIConnectionError():
            cause = error.__cause__ or error
            was_sent = not isinstance(cause, NEVER_SENT)
            return Refusal(None, "", f"{type(cause).__name__}: {cause}", was_sent=was_sent)
        case APIError():
            response = getattr(error, "response", None)
            return _answered(error.status_code, error.body, error.message, response)
        case PublicAPIError():
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
        retry_after_seconds=retry_after_seconds({"error": told}, headers),
    )


def _error_in(body: object) -> Mapping[str, Any]:
    """Find the error in either of Google's two spellings, the second of which also comes in a list."""
    answer = body[0] if isinstance(body, list) and body else body
    error = answer.get("error") if isinstance(answer, Mapping) else None
    return error if isinstance(error, Mapping) else {}
