"""How many requests a minute are answered: headers that say so, and 429 (draft-ietf-httpapi-ratelimit-headers)."""

import asyncio
import time
from http import HTTPStatus
from math import ceil

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.body_limit import GRAPHQL, answered
from app.http.connection_limits import network_of
from graphql_server.http_answers import Refused
from resolvers.errors import TooManyRequests
from resolvers.request_rates import Requester, RequestRates, requester

APIS = (GRAPHQL, "/api/")
RATE_LIMIT = b"ratelimit"


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
        current = Requester(is_websocket=scope["type"] == "websocket")
        token = requester.set(current)
        try:
            await self._limited(scope, receive, send, current)
        finally:
            requester.reset(token)

    async def _limited(self, scope: Scope, receive: Receive, send: Send, current: Requester) -> None:
        wait = self._count_address(scope, current)
        # Starlette sends it to a WebSocket as `websocket.http.response`.
        app = answered(scope["path"], Headers(scope=scope), _refused(wait)) if wait else self._app
        if current.is_websocket:
            await app(scope, lambda: self._paced(receive, current), send)
        else:
            await app(scope, receive, lambda message: self._sent(message, send, current))

    def _count_address(self, scope: Scope, current: Requester) -> float:
        if not self._rates.by_address:
            return 0.0
        address = network_of(scope["client"][0] if scope["client"] else "")
        said, wait = self._rates.by_address.take(address, time.monotonic())
        current.said.append(said)
        return wait

    async def _sent(self, message: Message, send: Send, current: Requester) -> None:
        """Add what there is to say; an answer that tells of another limit already, as creations do, is left."""
        if message["type"] == "http.response.start" and current.said:
            headers = message.get("headers", ())
            if not any(name == RATE_LIMIT for name, _ in headers):
                message["headers"] = [*headers, self._policy, (RATE_LIMIT, ", ".join(current.said).encode())]
        await send(message)

    async def _paced(self, receive: Receive, current: Requester) -> Message:
        message = await receive()
        rate = self._rates.by_user
        while rate and current.user is not None and message["type"] == "websocket.receive":
            _, wait = rate.take(current.user, time.monotonic())
            if not wait:
                break
            await asyncio.sleep(wait)
        return message


def _refused(wait: float) -> Refused:
    error = TooManyRequests(ceil(wait))
    return Refused(
        HTTPStatus.TOO_MANY_REQUESTS, error.message, error.code, {"Retry-After": str(error.retry_after_seconds)}
    )
