"""How many WebSockets one address may have: one more is refused before it is accepted."""

from collections import Counter
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.body_limit import answered
from app.http.connection_limits import network_of
from graphql_server.http_answers import Refused

TOO_MANY = Refused(
    HTTPStatus.TOO_MANY_REQUESTS,
    "Too many WebSockets are open from this address. Please close one first.",
    "TOO_MANY_CONNECTIONS",
    {"Retry-After": "10"},
)


class LimitWebSockets:
    """Counts open WebSockets by address: of the client, where a proxy is trusted to say it (`FORWARDED_ALLOW_IPS`)."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on, or refuse it."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        address = network_of(scope["client"][0] if scope["client"] else "")
        if self._open[address] >= self._most:
            # Starlette sends it as `websocket.http.response`.
            await answered(scope["path"], Headers(scope=scope), TOO_MANY)(scope, receive, send)
            return
        self._open[address] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
