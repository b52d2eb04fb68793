"""How many requests a minute are answered, and how many WebSockets one address may have.

Headers say so (draft-ietf-httpapi-ratelimit-headers); beyond, the answer is 429.
"""

import asyncio
import time
from collections import Counter
from functools import lru_cache
from http import HTTPStatus
from math import ceil

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.body_limit import GRAPHQL, answered
from app.http.connection_limits import network_of
from graphql_server.http_answers import Refused
from resolvers.authentication import Requester, RequestRates, requester
from resolvers.errors import TooManyRequests

APIS = (GRAPHQL, "/api/")
RATE_LIMIT = b"ratelimit"
# To read an address takes longer than all the rest.
_network_of = lru_cache(4096)(network_of)


class LimitRequests:
    """Counts requests to the two APIs: by address here, before anything is read, and by user once that is known.

    The messages of a WebSocket count as well; those that are too many wait.
    """

    def __init__(self, app: ASGIApp, rates: RequestRates) -> None:
        self._app = app
        self._rates = rates
        self._policy = (b"ratelimit-policy", rates.policy.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] not in {"http", "websocket"} or not scope["path"].startswith(APIS):
            await self._app(scope, receive, send)
            return
        current = Requester(scope["type"] == "websocket")
        token = requester.set(current)
        try:
            if self._rates.by_address:
                # ASGI lets servers leave it out.
                address = _network_of((scope.get("client") or ("",))[0])
                current.by_address = self._rates.by_address.take(address, time.monotonic())
            await self._served(scope, receive, send, current)
        finally:
            requester.reset(token)

    async def _served(self, scope: Scope, receive: Receive, send: Send, current: Requester) -> None:
        async def send_with_state(message: Message) -> None:
            """Add what there is to say; an answer that tells of another limit already, as creations do, is left."""
            if message["type"] == "http.response.start" and (state := current.state()):
                headers = message.get("headers", ())
                if RATE_LIMIT not in [name for name, _ in headers]:
                    message["headers"] = [*headers, self._policy, (RATE_LIMIT, state.encode())]
            await send(message)

        app = self._app
        if current.by_address and current.by_address.wait:
            # Starlette sends it to a WebSocket as `websocket.http.response`.
            app = answered(scope["path"], Headers(scope=scope), _refused(current.by_address.wait))
        if current.is_websocket:
            await app(scope, lambda: self._paced(receive, current), send)
        else:
            await app(scope, receive, send_with_state)

    async def _paced(self, receive: Receive, current: Requester) -> Message:
        message = await receive()
        rate = self._rates.by_user
        while rate and current.user is not None and message["type"] == "websocket.receive":
            wait = rate.take(current.user, time.monotonic()).wait
            if not wait:
                break
            await asyncio.sleep(wait)
        return message


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


def _refused(wait: float) -> Refused:
    error = TooManyRequests(ceil(wait))
    headers = {"Retry-After": str(error.retry_after_seconds)}
    return Refused(HTTPStatus.TOO_MANY_REQUESTS, error.message, error.code, headers)
