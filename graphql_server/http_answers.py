"""What a client is answered over HTTP: in which media type, with which status, and why where nothing was executed.

Follows GraphQL over HTTP, https://graphql.github.io/graphql-over-http/draft/, sections "Media Types" and "Response".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus

import orjson
from cross_web import HTTPException
from graphql import GraphQLError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.formparsers import MultiPartException
from starlette.responses import Response
from strawberry.http import GraphQLHTTPResponse, process_result
from strawberry.http.streaming import SSETransport
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from graphql_server.errors import ErrorTable

JSON = "application/json"
RESPONSE_JSON = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
PAGE = "text/html"
ALLOWED = {"Allow": "GET, HEAD, OPTIONS, POST"}
REMEMBERED_HEADERS = 256
# What has one result; a subscription has many.
AT_ONCE = {OperationType.QUERY, OperationType.MUTATION}
# Shorter than the quarter of a minute after which some proxies take a silent connection for a dead one.
HEARTBEAT_SECONDS = 12.0
_WEIGHT = re.compile(r"q=([0-9]+\.?[0-9]*|\.[0-9]+)")


@dataclass(frozen=True)
class Accepted:
    """What a request's `Accept` asks for; `result` is the media type of a result that comes in one piece, if any.

    Only a client that names `text/event-stream` is sent events: `*/*` is what everybody sends who knows nothing of
    them. Where it is as welcome as JSON, only what cannot be told in one piece is streamed.
    """

    result: str | None
    events: bool
    prefers_events: bool
    page: bool

    @property
    def error(self) -> str:
        """The media type of what went wrong."""
        return self.result or JSON


class Refused(HTTPException):
    """A request that is answered without anything being executed, with a code that never changes."""

    def __init__(
        self, status: HTTPStatus, message: str, code: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, message)
        self.code = code or status.name
        self.headers = headers or {}


class EventStream(SSETransport):
    """Server-Sent Events, with a comment now and then, so that nobody takes the connection for a dead one."""

    def __init__(self) -> None:
        super().__init__(HEARTBEAT_SECONDS)

    def encode_event(self, event: str, data: str | None = None) -> str:
        """Encode an event with the short line ends, of the three that there are: urql knows no others."""
        return super().encode_event(event, data).replace("\r\n", "\n")

    def encode_comment(self, comment: str) -> str:
        """Encode a comment as a line of the block to come: some clients take a block of its own for an event."""
        return f": {comment}\n"


def accepted_by(headers: Mapping[str, str]) -> Accepted:
    """Negotiate the answer's media type (RFC 9110, section 12.5.1); without `Accept` it is `application/json`."""
    return _negotiated(headers.get("accept") or "*/*")


def encoded(
    body: object, media_type: str, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a JSON response."""
    return Response(as_json(body), status, headers, media_type)


def as_json(body: object) -> bytes:
    """Encode a result; times in UTC end in `Z`."""
    return orjson.dumps(body, option=orjson.OPT_UTC_Z)


def refused_by(error: Exception, table: ErrorTable) -> Refused | None:
    """Return the refusal that an exception means for the whole request; None for a fault of the server."""
    match error:
        case Refused():
            return error
        case HTTPException():
            return Refused(HTTPStatus(error.status_code), error.reason)
        case MultiPartException():
            return Refused(HTTPStatus.BAD_REQUEST, error.message)
        case StarletteHTTPException():
            return Refused(HTTPStatus(error.status_code), error.detail, headers=error.headers)
    expected = table(error)
    return expected and Refused(expected.status, expected.message, expected.code, expected.headers)


def refusal(refused: Refused, accepted: Accepted) -> Response:
    """Return `{"errors": [{"message", "extensions": {"code"}}]}` with the refusal's status."""
    body = {"errors": [{"message": refused.reason, "extensions": {"code": refused.code}}]}
    return encoded(body, accepted.error, refused.status_code, refused.headers)


def check_stream(error: InvalidOperationTypeError, accepted: Accepted) -> None:
    """Refuse an operation that has not one result, or must not be sent in this way.

    Raises Refused: 405 for a mutation by GET, 406 for a subscription that must not stream.
    """
    if error.operation_type is not OperationType.SUBSCRIPTION:
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "A mutation is sent with POST", headers={"Allow": "POST"})
    if not accepted.events:
        raise Refused(
            HTTPStatus.NOT_ACCEPTABLE,
            "A subscription has more than one result: ask for it with `Accept: text/event-stream`, or over a WebSocket "
            "with the subprotocol graphql-transport-ws. Multipart responses are not spoken.",
            "SUBSCRIPTION_NEEDS_STREAM",
        )


def not_begun(message: str, code: str) -> PreExecutionError:
    """Return the result of an operation that was not executed."""
    return PreExecutionError(None, [GraphQLError(message, extensions={"code": code})])


def no_such_operation() -> PreExecutionError:
    """Return the result of an operation that the document has not."""
    return not_begun("There is no such operation in the document", "OPERATION_RESOLUTION_FAILURE")


def has_begun(result: ExecutionResult) -> bool:
    """Whether execution began: only then a response has `data`, if only a null (GraphQL, section "Response")."""
    return not isinstance(result, PreExecutionError)


def body_of(result: ExecutionResult) -> GraphQLHTTPResponse:
    """Return the body of a result, without `data` where execution did not begin."""
    body = process_result(result)
    if not has_begun(result):
        del body["data"]
    return body


def status_of(result: ExecutionResult, media_type: str) -> HTTPStatus:
    """Return the status of a result: the old media type has 200 for every request that is well-formed."""
    return HTTPStatus.BAD_REQUEST if media_type == RESPONSE_JSON and not has_begun(result) else HTTPStatus.OK


@lru_cache(REMEMBERED_HEADERS)
def _negotiated(accept: str) -> Accepted:
    ranges = dict(map(_media_range, accept.split(",")))

    def quality(media_type: str) -> float:
        return next((ranges[name] for name in (media_type, "application/*", "*/*") if name in ranges), 0)

    old, new = quality(JSON), quality(RESPONSE_JSON)
    best, events, page = max(old, new), ranges.get(EVENT_STREAM, 0), ranges.get(PAGE, 0)
    # The new one where it is asked for by name, the old one where anything goes.
    is_new = new > old or (new == old and RESPONSE_JSON in ranges)
    return Accepted(
        result=(RESPONSE_JSON if is_new else JSON) if best > 0 else None,
        events=events > 0,
        prefers_events=events > best,
        page=page > 0 and page >= best,
    )


def _media_range(text: str) -> tuple[str, float]:
    media_type, *parameters = (part.strip().lower() for part in text.split(";"))
    weight = next((value for value in parameters if value.startswith("q=")), "q=1")
    return media_type, float(weight.removeprefix("q=")) if _WEIGHT.fullmatch(weight) else 0
