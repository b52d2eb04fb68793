"""How long a request's body may be: what is longer is refused before it is read, or as soon as it is known."""

from http import HTTPStatus

from asgi_correlation_id import correlation_id
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graphql_server.http_answers import Refused, accepted_by, refusal

MEGABYTE = 1024 * 1024
LARGEST_OF_STRANGERS = MEGABYTE
LARGEST_BODY = 2 * MEGABYTE
LONGEST_LENGTH = 18
GRAPHQL = "/graphql"
JSON, FORM = "json", "form"
# Where images come along. A form has up to five of 20 MB; base64 makes each a third larger.
LARGEST_WITH_IMAGES = {
    (GRAPHQL, FORM): 110 * MEGABYTE,
    (GRAPHQL, JSON): 32 * MEGABYTE,
    ("/api/v1/video-jobs", FORM): 110 * MEGABYTE,
    ("/api/v1/looks", JSON): 64 * MEGABYTE,
}


class LimitBody:
    """Answers 413 for a body that is too long, in the shape of the API that was asked.

    More is for callers with a token, which both APIs check before they read.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        largest = _largest(scope["path"], headers)
        if not _is_declared_longer(headers, largest):
            body = _CountedBody(receive, send, largest)
            try:
                await self._app(scope, body.receive, body.send)
            except Exception:
                if not body.is_too_long:
                    raise
            if not body.is_too_long or body.has_answer:
                return
        await _refusal(scope["path"], headers, largest)(scope, receive, send)


class _CountedBody:
    """Counts what is read; once that is too much, whatever the application answers is dropped."""

    def __init__(self, receive: Receive, send: Send, largest: int) -> None:
        self._receive = receive
        self._send = send
        self._left = largest
        self.has_answer = False

    @property
    def is_too_long(self) -> bool:
        return self._left < 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self.is_too_long:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    async def send(self, message: Message) -> None:
        if self.has_answer or not self.is_too_long:
            self.has_answer = True
            await self._send(message)


def _largest(path: str, headers: Headers) -> int:
    if "authorization" not in headers:
        return LARGEST_OF_STRANGERS
    kind = FORM if headers.get("content-type", "").lower().startswith("multipart/") else JSON
    return LARGEST_WITH_IMAGES.get((path, kind), LARGEST_BODY)


def _is_declared_longer(headers: Headers, largest: int) -> bool:
    length = headers.get("content-length", "")
    # Longer numbers are not even looked at: Python refuses to read those of thousands of digits.
    return length.isdecimal() and (len(length) > LONGEST_LENGTH or int(length) > largest)


def _refusal(path: str, headers: Headers, largest: int) -> Response:
    status, code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "BODY_TOO_LARGE"
    sentence = f"The request is too long: here, at most {largest // MEGABYTE} MB are accepted"
    if path == GRAPHQL:
        return refusal(Refused(status, sentence, code), accepted_by(headers))
    return JSONResponse({"detail": sentence, "code": code, "requestId": correlation_id.get()}, status)
