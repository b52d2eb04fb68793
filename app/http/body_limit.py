"""How much a request may bring: what is too much is refused before it is read, or as soon as it is known."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from asgi_correlation_id import correlation_id
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.large_bodies import LargeBodies, Place, too_slow
from graphql_server.http_answers import Refused, accepted_by, refusal
from graphql_server.json_values import JsonValues

MEGABYTE = 1024 * 1024
LARGEST_OF_STRANGERS = MEGABYTE
LARGEST_BODY = 2 * MEGABYTE
LONGEST_LENGTH = 18
# As web servers have it in front of applications. Some headers take long to read, and some are lists.
LONGEST_HEADER = 8 * 1024
MOST_PARAMETERS = 100
GRAPHQL = "/graphql"
# Without one of these, a request has no body (RFC 9112, section 6.3).
BODY_HEADERS = {b"content-length", b"transfer-encoding"}
BLANK = b" \t\r\n"
JSON, FORM, OTHER = "json", "form", "other"
# Where images come along, and only for callers with a token. A form has up to five of 20 MB; base64 makes each a third
# larger.
LARGEST_WITH_IMAGES = {
    (GRAPHQL, FORM): 110 * MEGABYTE,
    (GRAPHQL, JSON): 32 * MEGABYTE,
    ("/api/v1/video-jobs", FORM): 110 * MEGABYTE,
    ("/api/v1/looks", JSON): 64 * MEGABYTE,
}


class LimitBody:
    """Refuses a request that brings too much, in the shape of the API that was asked.

    A body may be large where images come along, for callers with a token, which both APIs check before they read. JSON
    may hold so many values and no more, since each takes a hundred times the memory of its text.
    """

    def __init__(self, app: ASGIApp, most_in_memory: int) -> None:
        self._app = app
        self._large = LargeBodies(most_in_memory)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Not Starlette's, of which each look takes as long as all of this does.
        headers: dict[bytes, bytes] = dict(scope["headers"])
        refused = _refused_head(scope)
        if refused is None and scope["method"] == "GET" and BODY_HEADERS.isdisjoint(headers):
            # To count nothing would take 5% of a poll.
            await self._app(scope, receive, send)
            return
        kind = _kind(headers)
        largest = _largest(scope["path"], kind, headers)
        if refused is None and (_declared(headers) or 0) > largest:
            refused = _too_long(largest)
        if refused is None:
            is_form = kind == FORM
            # Whatever is not a form may be read as JSON.
            values = None if is_form else JsonValues()
            form = WholeForm(headers[b"content-type"].decode("latin-1")) if is_form else None
            large = None if is_form or largest <= LARGEST_BODY else self._large
            body = _CountedBody(receive, send, largest, headers, values, form, large)
            # Who reads it finds what was counted here.
            scope["json_values"] = body.values
            try:
                await self._app(scope, body.receive, body.send)
            except Exception:
                if body.refused is None:
                    raise
            finally:
                if body.place is not None:
                    await self._large.leave(body.place)
            refused = body.refused
            if refused is None or body.has_answer:
                return
        await answered(scope, refused)(scope, receive, send)


class WholeForm:
    """Looks for the delimiter that closes a multipart form (RFC 2046, section 5.1.1), while its body comes in pieces.

    The form's parser takes the end of the body for it.
    """

    def __init__(self, content_type: str) -> None:
        _, parameters = parse_options_header(content_type)
        self._closing = b"\r\n--" + parameters.get(b"boundary", b"") + b"--"
        # The first delimiter may be the first thing that comes.
        self._tail = b"\r\n"
        self._is_closed = False

    def look_at(self, piece: bytes, *, is_last: bool) -> None:
        """Look at the next piece.

        Raises Refused: the form goes on after its end, or the body ends before it.
        """
        rest = piece
        if not self._is_closed:
            seen = self._tail + piece
            end = seen.find(self._closing)
            self._is_closed = end >= 0
            rest = seen[end + len(self._closing) :] if self._is_closed else b""
            self._tail = seen[-len(self._closing) :]
        if rest.strip(BLANK):
            raise Refused(HTTPStatus.BAD_REQUEST, "The form goes on after its closing boundary")
        if is_last and not self._is_closed:
            sentence = "The form has not come as a whole: its closing boundary is missing"
            raise Refused(HTTPStatus.BAD_REQUEST, sentence)


@dataclass
class _CountedBody:
    """Counts what is read; once that is too much, whatever the application answers is dropped.

    `large` is for bodies that are in memory whole and may be large; what a form holds is on disk.
    """

    incoming: Receive
    outgoing: Send
    largest: int
    headers: Mapping[bytes, bytes]
    values: JsonValues | None
    form: WholeForm | None
    large: LargeBodies | None
    read: int = 0
    refused: Refused | None = None
    has_answer: bool = False
    place: Place | None = None

    async def receive(self) -> Message:
        try:
            message = await self._admitted()
            piece = message.get("body", b"")
            self.read += len(piece)
            if self.read > self.largest:
                raise _too_long(self.largest)
            if self.values is not None:
                self.values.count(piece)
            if self.form is not None and message["type"] == "http.request":
                self.form.look_at(piece, is_last=not message.get("more_body", False))
        except Refused as refused:
            # Its traceback holds this object: a cycle, with all that was read.
            self.refused = refused.with_traceback(None)
            raise HTTPException(refused.status_code) from None
        return message

    async def _admitted(self) -> Message:
        """Return the next piece, once there is room for all of the body; raises Refused."""
        size = _declared(self.headers)
        if size is None:
            # Once a body is large that does not say, as much as it may have.
            size = self.largest if self.read > LARGEST_BODY else 0
        if self.large is None or size <= LARGEST_BODY:
            return await self.incoming()
        if self.place is None:
            self.place = await self.large.enter(self.headers.get(b"authorization", b"").decode("latin-1"), size)
        if self.has_answer:
            return await self.incoming()
        try:
            async with asyncio.timeout_at(self.place.deadline):
                return await self.incoming()
        except TimeoutError:
            raise too_slow() from None

    async def send(self, message: Message) -> None:
        if self.has_answer or self.refused is None:
            self.has_answer = True
            await self.outgoing(message)


def _kind(headers: Mapping[bytes, bytes]) -> str:
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type.startswith(b"multipart/"):
        return FORM
    return JSON if media_type.endswith((b"/json", b"+json")) else OTHER


def _largest(path: str, kind: str, headers: Mapping[bytes, bytes]) -> int:
    if b"authorization" not in headers:
        return LARGEST_OF_STRANGERS
    return LARGEST_WITH_IMAGES.get((path, kind), LARGEST_BODY)


def _refused_head(scope: Scope) -> Refused | None:
    if any(len(value) > LONGEST_HEADER for _, value in scope["headers"]):
        sentence = f"A header of the request is too long: at most {LONGEST_HEADER // 1024} KB are accepted"
        return Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, sentence, "HEADER_TOO_LARGE")
    if scope["query_string"].count(b"&") >= MOST_PARAMETERS:
        sentence = f"The address has too many parameters: at most {MOST_PARAMETERS} are accepted"
        return Refused(HTTPStatus.BAD_REQUEST, sentence, "TOO_MANY_PARAMETERS")
    return None


def _declared(headers: Mapping[bytes, bytes]) -> int | None:
    length = headers.get(b"content-length", b"")
    if not length.isdigit():
        return None
    # Longer numbers are not even looked at: Python refuses to read those of thousands of digits.
    return int(length) if len(length) <= LONGEST_LENGTH else sys.maxsize


def _too_long(largest: int) -> Refused:
    sentence = f"The request is too long: here, at most {largest // MEGABYTE} MB are accepted"
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence, "BODY_TOO_LARGE")


def answered(scope: Scope, refused: Refused) -> Response:
    """Refuse a request in the shape of the API that was asked."""
    if scope["path"] == GRAPHQL:
        headers = Headers(scope=scope)
        # That header may be the one that is too long.
        is_readable = len(headers.get("accept", "")) <= LONGEST_HEADER
        return refusal(refused, accepted_by(headers if is_readable else {}))
    body = {"detail": refused.reason, "code": refused.code, "requestId": correlation_id.get()}
    return JSONResponse(body, refused.status_code, refused.headers)
