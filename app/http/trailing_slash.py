"""Paths answer with and without a trailing slash, with no redirect: one would upload a form's files twice."""

from starlette.types import ASGIApp, Receive, Scope, Send

PREFIXES = ("/api/", "/graphql/", "/health/", "/healthz/", "/livez/", "/readyz/", "/docs/", "/openapi.json/")


class IgnoreTrailingSlash:
    """Take the slash off the paths of both APIs, and of what is asked for beside them, before they are routed."""

    def __init__(self, app: ASGIApp, prefixes: tuple[str, ...] = PREFIXES) -> None:
        self._app = app
        self._prefixes = prefixes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "lifespan" and scope["path"].startswith(self._prefixes) and scope["path"].endswith("/"):
            scope = {**scope, "path": scope["path"].rstrip("/")}
        await self._app(scope, receive, send)
