"""An address that is answered before FastAPI looks at a request: its own way there takes as long as a small query."""

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
