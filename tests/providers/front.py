"""A server that outlives the doubles behind it."""

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send


class Front:
    """One server for all tests; each has a double of its own behind it."""

    def __init__(self) -> None:
        self.app: ASGIApp = Starlette()
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)
