"""Two applications side by side: what is at one address goes to the one, everything else to the other.

FastAPI's own way to a route takes as long as a small query, and its middleware is the other API's.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

CONNECTIONS = {"http", "websocket"}


class InFront:
    """Answers one path; everything else it leaves to the application."""

    def __init__(self, app: ASGIApp, path: str, answer: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        is_here = scope["type"] in CONNECTIONS and scope["path"] == self._path
        await (self._answer if is_here else self._app)(scope, receive, send)
