"""What comes before a request is routed: ambiguous heads are refused, and addresses are seen as they were sent."""

import re
from collections.abc import Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from http import HTTPStatus
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid4

from app.http.body_limit import GRAPHQL, answered
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

CONNECTIONS = {"http", "websocket"}
PREFIXES = ("/api/", "/graphql/", "/health/", "/healthz/", "/livez/", "/readyz/", "/docs/", "/openapi.json/")
PREFIX_HEADER = b"x-forwarded-prefix"
PREFIX: Final = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
LONGEST_PREFIX = 200


class Front:
    """Refuses requests whose head is ambiguous or names a host that is not ours, and completes the heads of answers.

    The application sees requests as they were sent to `public_url`. Without one, they are taken as they say: by `Host`,
    the scheme that a proxy on this machine names, and `X-Forwarded-Prefix`. A proxy may take the prefix off the path,
    or leave it. What makes URLs of it reads `app_root_path` (Starlette's `base_url`). A slash at the end of a path is
    taken off, with no redirect: one would upload a form's files twice.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str] = (), public_url: str | None = None) -> None:
        self._app = app
        self._allowed_hosts = allowed_hosts
        self._address = None if public_url is None else urlsplit(public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it; a WebSocket is refused before it is one."""
        if scope["type"] not in CONNECTIONS:
            await self._app(scope, receive, send)
            return
        app: ASGIApp = self._app
        refused = self._refused(scope)
        if refused is not None:
            app = answered(scope, refused)
        complete = _completing(scope, send) if scope["type"] == "http" else send
        await app(_without_slash(self._seen(scope)), receive, complete)

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
        name = found["name"].lower()
        if not self._allowed_hosts or any(fnmatchcase(name, allowed) for allowed in self._allowed_hosts):
            return None
        sentence = "This server does not answer for that host; its operator names hosts by ALLOWED_HOSTS"
        return Refused(HTTPStatus.BAD_REQUEST, sentence, "HOST_NOT_ALLOWED")

    def _seen(self, scope: Scope) -> Scope:
        if self._address is None:
            sent = next((value for name, value in scope["headers"] if name == PREFIX_HEADER), None)
            if sent is None:
                return scope
            prefix = sent.decode("latin-1").rstrip("/")
            is_one = len(prefix) <= LONGEST_PREFIX and PREFIX.fullmatch(prefix)
            return _below(scope, prefix) if is_one else scope
        secure, plain = ("wss", "ws") if scope["type"] == "websocket" else ("https", "http")
        headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
        headers.append((b"host", self._address.netloc.encode()))
        scheme = secure if self._address.scheme == "https" else plain
        return _below({**scope, "scheme": scheme, "headers": headers}, self._address.path)


def request_id() -> str:
    """Return a new one; the standard library asks the system for each."""
    return uuid4().hex


def side_by_side(rest: ASGIApp, graphql: ASGIApp) -> ASGIApp:
    """Return both: FastAPI's own way to a route takes as long as a small query, its middleware is the other API's."""

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        await (graphql if scope.get("path") == GRAPHQL else rest)(scope, receive, send)

    return routed


def _is_name(name: str) -> bool:
    """Whether a name is one, or in brackets an IPv6 address."""
    with suppress(ValueError):
        return not name.startswith("[") or bool(IPv6Address(name[1:-1]))
    return False


def _completing(scope: Scope, send: Send) -> Send:
    async def complete(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message.get("headers", ())
            given = {name.lower() for name, _ in headers}
            missing = [NOSNIFF]
            # An answer that is for whoever asked alone.
            if scope["method"] == "POST" or any(name == b"authorization" for name, _ in scope["headers"]):
                missing.append(NO_STORE)
            if scope.get("scheme") == "https":
                missing.append(SECURE_TRANSPORT)
            if message["status"] == HTTPStatus.INTERNAL_SERVER_ERROR:
                # What went wrong may have left a part of the request unread.
                missing.append(CLOSE)
            message = {**message, "headers": [*headers, *(each for each in missing if each[0] not in given)]}
        await send(message)

    return complete


def _below(scope: Scope, prefix: str) -> Scope:
    path = scope["path"]
    if prefix and (path == prefix or path.startswith(f"{prefix}/")):
        path = path.removeprefix(prefix) or "/"
    return {**scope, "path": path, "app_root_path": prefix}


def _without_slash(scope: Scope) -> Scope:
    path = scope["path"]
    is_ours = path.startswith(PREFIXES) and path.endswith("/")
    return {**scope, "path": path.rstrip("/")} if is_ours else scope
