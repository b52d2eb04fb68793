"""What becomes of a request's path before it is routed."""

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
