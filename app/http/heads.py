"""Heads of requests that have two meanings are refused, and those of answers say how they may be kept and used."""

import re
from collections.abc import Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from http import HTTPStatus
from ipaddress import IPv6Address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.body_limit import answered
from graphql_server.http_answers import Refused

# A host and perhaps a port (RFC 9110, section 7.2), with the underscore that names of containers have.
HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
# Of two, each part of the way to an answer might take another one for the true one.
SINGLE = (b"host", b"idempotency-key", b"authorization", b"content-type")
UNENCODED = {b"", b"identity"}
NOSNIFF, NO_STORE = (b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")
# Half a year.
SECURE_TRANSPORT = (b"strict-transport-security", b"max-age=15552000")
CLOSE = (b"connection", b"close")


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
        seen: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in seen and name in SINGLE:
                sentence = f"The request has the header {name.decode()} twice: send it once"
                return Refused(HTTPStatus.BAD_REQUEST, sentence, "REPEATED_HEADER")
            if name == b"content-encoding" and value.lower() not in UNENCODED:
                return Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A request is sent without a Content-Encoding")
            seen[name] = value
        host = seen.get(b"host")
        if host is None:
            # Before HTTP/1.1 there was none.
            is_old = scope.get("http_version", "1.0") == "1.0"
            return None if is_old else Refused(HTTPStatus.BAD_REQUEST, "The request names no host", "INVALID_HOST")
        found = HOST.fullmatch(host.decode("latin-1"))
        if found is None or not _is_name(found["name"]):
            return Refused(HTTPStatus.BAD_REQUEST, "The request names no valid host", "INVALID_HOST")
        return None if self._is_allowed(found["name"].lower()) else _not_ours()

    def _is_allowed(self, name: str) -> bool:
        return not self._allowed_hosts or any(fnmatchcase(name, allowed) for allowed in self._allowed_hosts)


def _is_name(name: str) -> bool:
    """Whether a name is one, or in brackets an IPv6 address."""
    with suppress(ValueError):
        return not name.startswith("[") or bool(IPv6Address(name[1:-1]))
    return False


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
    missing = [NOSNIFF]
    if _is_personal(scope):
        missing.append(NO_STORE)
    if scope.get("scheme") == "https":
        missing.append(SECURE_TRANSPORT)
    if message["status"] == HTTPStatus.INTERNAL_SERVER_ERROR:
        # What went wrong may have left a part of the request unread.
        missing.append(CLOSE)
    return [header for header in missing if header[0] not in given]


def _is_personal(scope: Scope) -> bool:
    """Whether an answer is for whoever asked alone."""
    return scope["method"] == "POST" or any(name == b"authorization" for name, _ in scope["headers"])
