"""What becomes of a request's address and path before it is routed."""

import re
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

CONNECTIONS = {"http", "websocket"}
PREFIXES = ("/api/", "/graphql/", "/health/", "/healthz/", "/livez/", "/readyz/", "/docs/", "/openapi.json/")


class InFront:
    """Answers one path; everything else it leaves to the application.

    FastAPI's own way to a route takes as long as a small query, and its middleware is the other API's.
    """

    def __init__(self, app: ASGIApp, path: str, answer: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        is_here = scope["type"] in CONNECTIONS and scope["path"] == self._path
        await (self._answer if is_here else self._app)(scope, receive, send)


class IgnoreTrailingSlash:
    """Take the slash off the paths of both APIs, and of what is asked for beside them.

    With no redirect: one would upload a form's files twice.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "lifespan" and scope["path"].startswith(PREFIXES) and scope["path"].endswith("/"):
            scope = {**scope, "path": scope["path"].rstrip("/")}
        await self._app(scope, receive, send)


PREFIX_HEADER = b"x-forwarded-prefix"
PREFIX: Final = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
LONGEST_PREFIX = 200


class PublicAddress:
    """Lets the application see requests as they were sent to `public_url`.

    Without one, they are taken as they say: by `Host`, the scheme that a proxy on this machine names, and
    `X-Forwarded-Prefix`. A proxy may take the prefix off the path, or leave it.
    """

    def __init__(self, app: ASGIApp, public_url: str | None) -> None:
        self._app = app
        self._address = None if public_url is None else urlsplit(public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; what makes URLs of it reads `app_root_path` (Starlette's `base_url`)."""
        await self._app(self._seen(scope) if scope["type"] in CONNECTIONS else scope, receive, send)

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


def _below(scope: Scope, prefix: str) -> Scope:
    path = scope["path"]
    if prefix and (path == prefix or path.startswith(f"{prefix}/")):
        path = path.removeprefix(prefix) or "/"
    return {**scope, "path": path, "app_root_path": prefix}
