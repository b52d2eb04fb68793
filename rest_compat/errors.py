"""From error to HTTP: one table. `detail` is what the legacy frontend reads, `code` what a program should."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from asgi_correlation_id import correlation_id
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from auth.errors import (
    IDENTITY_PROVIDER_RETRY_SECONDS,
    AccessDenied,
    AccountNotActive,
    AdminRequired,
    IdentityProviderUnavailable,
    InvalidCredentials,
    NotABearerToken,
    TokenExpired,
)
from db.engine.errors import DatabaseUnavailable
from resolvers import errors
from rest_compat.json_body import RefusedBody
from rest_compat.services import RequestTimedOut
from rest_compat.wire import MOST_MISTAKES

# Fields that this wire has as headers.
HEADERS = {"idempotencyKey": "Idempotency-Key"}
# Nobody knows when one of the caller's jobs ends; the fastest take some seconds.
SLOT_RETRY_SECONDS = 10
_POLICY = '"active-jobs"'


def _message(error: Any) -> object:  # noqa: ANN401 - every error in the table has a message
    return error.message


def _insufficient_tokens(error: errors.InsufficientTokens) -> object:
    return {"message": error.message, "cost": error.cost, "availableTokens": error.available_tokens}


def _retry_after(seconds: int) -> Callable[[object], dict[str, str]]:
    return lambda _error: {"Retry-After": str(seconds)}


def _own_retry_after(error: errors.Refusal | AccessDenied) -> dict[str, str]:
    seconds = getattr(error, "retry_after_seconds", None)
    return {} if seconds is None else {"Retry-After": str(seconds)}


def rate_limit_headers(free_slots: int, slots: int) -> dict[str, str]:
    """Tell how many jobs may be in progress, and how many more (draft-ietf-httpapi-ratelimit-headers).

    There is no window: a slot lasts as long as its job.
    """
    return {"RateLimit-Policy": f"{_POLICY};q={slots}", "RateLimit": f"{_POLICY};r={free_slots}"}


def _slots(error: errors.ActiveJobLimit) -> dict[str, str]:
    return rate_limit_headers(0, error.limit) | {"Retry-After": str(SLOT_RETRY_SECONDS)}


def _status_of_unknown_user(error: errors.UserNotFound) -> HTTPStatus:
    """Tell the account that a call is about from one that is named in a list, such as whom to share with."""
    return HTTPStatus.NOT_FOUND if error.field == "userId" else HTTPStatus.BAD_REQUEST


@dataclass(frozen=True)
class Answer:
    """How one kind of error looks over HTTP."""

    status: HTTPStatus
    detail: Callable[[Any], object] = _message
    headers: Callable[[Any], dict[str, str]] = _own_retry_after
    status_of: Callable[[Any], HTTPStatus] | None = None

    def response(self, error: errors.Refusal | AccessDenied) -> JSONResponse:
        """Answer an error."""
        status = self.status_of(error) if self.status_of else self.status
        return _response(status, self.detail(error), error.code, self.headers(error), _field(error))


UNAUTHENTICATED = Answer(
    HTTPStatus.UNAUTHORIZED, lambda error: error.legacy_message, lambda _error: {"WWW-Authenticate": "Bearer"}
)
ANSWERS: dict[type[errors.Refusal | AccessDenied], Answer] = {
    InvalidCredentials: UNAUTHENTICATED,
    NotABearerToken: UNAUTHENTICATED,
    TokenExpired: UNAUTHENTICATED,
    IdentityProviderUnavailable: Answer(
        HTTPStatus.SERVICE_UNAVAILABLE, headers=_retry_after(IDENTITY_PROVIDER_RETRY_SECONDS)
    ),
    AccountNotActive: Answer(HTTPStatus.FORBIDDEN),
    AdminRequired: Answer(HTTPStatus.FORBIDDEN),
    errors.InvalidInput: Answer(HTTPStatus.BAD_REQUEST),
    errors.InvalidLook: Answer(HTTPStatus.BAD_REQUEST),
    errors.InsufficientTokens: Answer(HTTPStatus.PAYMENT_REQUIRED, detail=_insufficient_tokens),
    errors.VideoJobNotFound: Answer(HTTPStatus.NOT_FOUND),
    errors.LookNotFound: Answer(HTTPStatus.NOT_FOUND),
    errors.UserNotFound: Answer(HTTPStatus.BAD_REQUEST, status_of=_status_of_unknown_user),
    errors.VideoNotReady: Answer(HTTPStatus.BAD_REQUEST),
    errors.VideoNotInLook: Answer(HTTPStatus.BAD_REQUEST),
    errors.VideoJobNotCancellable: Answer(HTTPStatus.CONFLICT),
    errors.LookVideosNotMigrated: Answer(HTTPStatus.SERVICE_UNAVAILABLE),
    errors.IdempotencyKeyReused: Answer(HTTPStatus.UNPROCESSABLE_ENTITY),
    errors.ReferenceReused: Answer(HTTPStatus.UNPROCESSABLE_ENTITY),
    errors.PriceChanged: Answer(HTTPStatus.CONFLICT),
    errors.VideoJobDeleted: Answer(HTTPStatus.CONFLICT),
    errors.ActiveJobLimit: Answer(HTTPStatus.TOO_MANY_REQUESTS, headers=_slots),
    errors.SpendingCeiling: Answer(HTTPStatus.TOO_MANY_REQUESTS),
    errors.StorageQuota: Answer(HTTPStatus.TOO_MANY_REQUESTS),
    errors.TooManyRequests: Answer(HTTPStatus.TOO_MANY_REQUESTS),
    errors.Paused: Answer(HTTPStatus.SERVICE_UNAVAILABLE),
    errors.QueueFull: Answer(HTTPStatus.SERVICE_UNAVAILABLE),
    errors.NoWorker: Answer(HTTPStatus.SERVICE_UNAVAILABLE),
    errors.AnswerTooLarge: Answer(HTTPStatus.BAD_REQUEST),
    errors.TooManyStreams: Answer(HTTPStatus.TOO_MANY_REQUESTS),
    errors.GenerationUnavailable: Answer(HTTPStatus.SERVICE_UNAVAILABLE),
    errors.GenerationSuspended: Answer(HTTPStatus.SERVICE_UNAVAILABLE),
    errors.ImagesNotStored: Answer(HTTPStatus.SERVICE_UNAVAILABLE, headers=_retry_after(30)),
    errors.VideoJobImagesRemoved: Answer(HTTPStatus.CONFLICT),
}


async def on_refusal(_request: Request, error: errors.Refusal | AccessDenied) -> JSONResponse:
    """Answer an error of the table."""
    _forget_frames(error)
    return ANSWERS[type(error)].response(error)


async def on_unavailable(_request: Request, error: DatabaseUnavailable | RequestTimedOut) -> JSONResponse:
    """Ask the client to come again (RFC 9110, section 10.2.3)."""
    headers = {"Retry-After": str(error.retry_seconds)}
    return _response(HTTPStatus.SERVICE_UNAVAILABLE, error.message, error.code, headers)


async def _on_refused_body(request: Request, error: RefusedBody) -> JSONResponse:
    """Answer an error of the table that was found in a body."""
    _forget_frames(error)
    return await on_refusal(request, error.refusal)


async def _on_http_exception(request: Request, error: HTTPException) -> JSONResponse:
    """Answer what the framework itself refuses: an unknown path, a wrong method, an unreadable body."""
    _forget_frames(error)
    status, headers = HTTPStatus(error.status_code), dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = _allowed(request)
    return _response(status, error.detail, status.name, headers)


def _allowed(request: Request) -> str:
    """Return the methods of all routes to this path: each route knows its own alone. Else it is a folder of files."""
    routes = [route for route in request.app.router.routes if route.matches(request.scope)[0] is Match.PARTIAL]
    return ", ".join(sorted({method for route in routes for method in route.methods})) or "GET, HEAD"


async def _on_invalid_request(_request: Request, error: RequestValidationError) -> JSONResponse:
    """Answer missing and mistyped fields in FastAPI's own shape, which the frontend knows."""
    _forget_frames(error)
    mistakes = error.errors()[:MOST_MISTAKES]
    body = {"detail": jsonable_encoder(mistakes, exclude={"input", "ctx"}), "code": "INVALID_REQUEST"}
    return JSONResponse(body | _request_id(), HTTPStatus.UNPROCESSABLE_ENTITY.value)


async def _on_fault(_request: Request, _error: Exception) -> JSONResponse:
    """Answer a fault of ours without telling its inside; the server's log has it."""
    return _response(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error", "INTERNAL_ERROR", {})


HANDLERS: dict[type[Exception], Callable[[Request, Any], Awaitable[JSONResponse]]] = {
    **dict.fromkeys(ANSWERS, on_refusal),
    RefusedBody: _on_refused_body,
    HTTPException: _on_http_exception,
    RequestValidationError: _on_invalid_request,
    DatabaseUnavailable: on_unavailable,
    RequestTimedOut: on_unavailable,
    Exception: _on_fault,
}


def install(app: FastAPI) -> None:
    """Register the table and its fallbacks."""
    for error, handler in HANDLERS.items():
        app.add_exception_handler(error, handler)


def _forget_frames(error: Exception) -> None:
    """Let go of the stack: FastAPI's frames hold the body and the error, a cycle until the garbage collector comes."""
    error.__traceback__ = error.__cause__ = error.__context__ = None


def _field(error: errors.Refusal | AccessDenied) -> str | None:
    field = error.field if isinstance(error, errors.Refusal) else None
    return HEADERS.get(field, field) if field else None


def _response(
    status: HTTPStatus, detail: object, code: str, headers: dict[str, str], at: str | None = None
) -> JSONResponse:
    body = {"detail": detail, "code": code} | ({"field": at} if at else {})
    return JSONResponse(body | _request_id(), status.value, headers)


def _request_id() -> dict[str, str | None]:
    return {"requestId": correlation_id.get()}
