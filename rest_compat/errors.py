"""From error to HTTP: one table. `detail` is what the legacy frontend reads, `code` what a program should."""

from collections.abc import Awaitable, Callable, Mapping
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
from rest_compat.bodies import rate_limit_headers
from rest_compat.services import RefusedBody, RequestTimedOut
from rest_compat.wire import MOST_MISTAKES

# Fields that this wire has as headers.
HEADERS = {"idempotencyKey": "Idempotency-Key"}
# Nobody knows when one of the caller's jobs ends; the fastest take some seconds.
SLOT_RETRY_SECONDS = 10


Expected = errors.Refusal | AccessDenied | DatabaseUnavailable | RequestTimedOut


def _message(error: Any) -> object:  # noqa: ANN401 - every error in the table has a message
    return error.message


def _insufficient_tokens(error: errors.InsufficientTokens) -> object:
    return {"message": error.message, "cost": error.cost, "availableTokens": error.available_tokens}


def _retry_after(error: object) -> dict[str, str]:
    """Say when to come again (RFC 9110, section 10.2.3), where the error does."""
    seconds = getattr(error, "retry_after_seconds", getattr(error, "retry_seconds", None))
    return {} if seconds is None else {"Retry-After": str(seconds)}


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
    headers: Callable[[Any], dict[str, str]] = _retry_after
    status_of: Callable[[Any], HTTPStatus] | None = None

    def response(self, error: Expected) -> JSONResponse:
        """Answer an error."""
        status = self.status_of(error) if self.status_of else self.status
        field = getattr(error, "field", None)
        at = {"field": HEADERS.get(field, field)} if field else {}
        return _response(status, {"detail": self.detail(error), "code": error.code} | at, self.headers(error))


UNAUTHENTICATED = Answer(
    HTTPStatus.UNAUTHORIZED, lambda error: error.legacy_message, lambda _error: {"WWW-Authenticate": "Bearer"}
)
ANSWERS: dict[type[errors.Refusal | AccessDenied], Answer] = {
    InvalidCredentials: UNAUTHENTICATED,
    NotABearerToken: UNAUTHENTICATED,
    TokenExpired: UNAUTHENTICATED,
    IdentityProviderUnavailable: Answer(HTTPStatus.SERVICE_UNAVAILABLE),
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
    errors.ImagesNotStored: Answer(HTTPStatus.SERVICE_UNAVAILABLE),
    errors.VideoJobImagesRemoved: Answer(HTTPStatus.CONFLICT),
}


UNAVAILABLE = Answer(HTTPStatus.SERVICE_UNAVAILABLE)


async def on_refusal(_request: Request, error: Expected) -> JSONResponse:
    """Answer an error of the table, or ask the client to come again."""
    _forget_frames(error)
    answer = ANSWERS[type(error)] if isinstance(error, errors.Refusal | AccessDenied) else UNAVAILABLE
    return answer.response(error)


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
    return _response(status, {"detail": error.detail, "code": status.name}, headers)


def _allowed(request: Request) -> str:
    """Return the methods of all routes to this path: each route knows its own alone. Else it is a folder of files."""
    routes = [route for route in request.app.router.routes if route.matches(request.scope)[0] is Match.PARTIAL]
    return ", ".join(sorted({method for route in routes for method in route.methods})) or "GET, HEAD"


async def _on_invalid_request(_request: Request, error: RequestValidationError) -> JSONResponse:
    """Answer missing and mistyped fields in FastAPI's own shape, which the frontend knows."""
    _forget_frames(error)
    mistakes = error.errors()[:MOST_MISTAKES]
    body = {"detail": jsonable_encoder(mistakes, exclude={"input", "ctx"}), "code": "INVALID_REQUEST"}
    return _response(HTTPStatus.UNPROCESSABLE_ENTITY, body)


async def _on_fault(_request: Request, _error: Exception) -> JSONResponse:
    """Answer a fault of ours without telling its inside; the server's log has it."""
    return _response(HTTPStatus.INTERNAL_SERVER_ERROR, {"detail": "Internal server error", "code": "INTERNAL_ERROR"})


HANDLERS: dict[type[Exception], Callable[[Request, Any], Awaitable[JSONResponse]]] = {
    **dict.fromkeys(ANSWERS, on_refusal),
    RefusedBody: _on_refused_body,
    HTTPException: _on_http_exception,
    RequestValidationError: _on_invalid_request,
    DatabaseUnavailable: on_refusal,
    RequestTimedOut: on_refusal,
    Exception: _on_fault,
}


def install(app: FastAPI) -> None:
    """Register the table and its fallbacks."""
    for error, handler in HANDLERS.items():
        app.add_exception_handler(error, handler)


def _forget_frames(error: Exception) -> None:
    """Let go of the stack: FastAPI's frames hold the body and the error, a cycle until the garbage collector comes."""
    error.__traceback__ = error.__cause__ = error.__context__ = None


def _response(status: HTTPStatus, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({**body, "requestId": correlation_id.get()}, status.value, headers)
