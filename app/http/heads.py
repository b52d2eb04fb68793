"""Heads of requests that have two meanings are refused, and those of answers say how they may be kept and used."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.body_limit import answered
from graphql_server.http_answers import Refused

# A host and perhaps a port (RFC 9110, section 7.2), with the underscore that names of containers have.
HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
# Of two, each part of the way to an answer might take another one for the true one.
SINGLE = (b"host", b"idempotency-key", b"authorization", b"content-type")
UNENCODED = {b"", b"identity"}
HALF_A_YEAR = b"max-age=15552000"


class CheckHeads:
    """Refuses requests whose head is ambiguous or names a host that is not ours, and completes the heads of answers."""

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str] = ()) -> None:
        self._app = app
        self._allowed_hosts = allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it; a WebSocket is refused before it is one."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        app: ASGIApp = self._app
        refused = self._refused(scope)
        if refused is not None:
            app = answered(scope["path"], Headers(scope=scope), refused)
        await app(scope, receive, _completing(scope, send) if scope["type"] == "http" else send)

    def _refused(self, scope: Scope) -> Refused | None:
        names = Counter(name for name, _ in scope["headers"] if name in SINGLE)
        for name, times in names.items():
            if times > 1:
                sentence = f"The request has the header {name.decode()} twice: send it once"
                return Refused(HTTPStatus.BAD_REQUEST, sentence, "REPEATED_HEADER")
        if any(name == b"content-encoding" and value.lower() not in UNENCODED for name, value in scope["headers"]):
            return Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A request is sent without a Content-Encoding")
        host = next((value for name, value in scope["headers"] if name == b"host"), None)
        if host is None:
            # Before HTTP/1.1 there was none.
            is_old = scope.get("http_version", "1.0") == "1.0"
            return None if is_old else Refused(HTTPStatus.BAD_REQUEST, "The request names no host", "INVALID_HOST")
        found = HOST.fullmatch(host.decode("latin-1"))
        if found is None:
            return Refused(HTTPStatus.BAD_REQUEST, "The request names no valid host", "INVALID_HOST")
        return None if self._is_allowed(found["name"].lower()) else _not_ours()

    def _is_allowed(self, name: str) -> bool:
        return not self._allowed_hosts or any(fnmatchcase(name, allowed) for allowed in self._allowed_hosts)


def _not_ours() -> Refused:
    sentence = "This server does not answer for that host; its operator names hosts by ALLOWED_HOSTS"
    return Refused(HTTPStatus.BAD_REQUEST, sentence, "HOST_NOT_ALLOWED")


def _completing(scope: Scope, send: Send) -> Send:
    async def complete(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_missing(scope, message)]}
        await send(message)

    return complete


def _missing(scope: Scope, message: Message) -> list[tuple[bytes, bytes]]:
    given = {name.lower() for name, _ in message.get("headers", ())}
    wanted: dict[bytes, Callable[[], bytes | None]] = {
        b"x-content-type-options": lambda: b"nosniff",
        b"cache-control": lambda: b"no-store" if _is_personal(scope) else None,
        b"strict-transport-security": lambda: HALF_A_YEAR if scope.get("scheme") == "https" else None,
        # What went wrong may have left a part of the request unread.
        b"connection": lambda: b"close" if message["status"] == HTTPStatus.INTERNAL_SERVER_ERROR else None,
    }
    return [(name, value) for name, make in wanted.items() if name not in given and (value := make()) is not None]


def _is_personal(scope: Scope) -> bool:
    """Whether an answer is for whoever asked alone."""
    return scope["method"] == "POST" or any(name == b"authorization" for name, _ in scope["headers"])
