"""Each request is counted, without anything of it, and limited by its user and address; the last are answered, too.

Headers say how many are left (draft-ietf-httpapi-ratelimit-headers); beyond, the answer is 429.
"""

import asyncio
import ipaddress
import logging
import time
from collections import Counter
from contextlib import AbstractContextManager
from functools import lru_cache
from http import HTTPStatus
from math import ceil

from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import metrics
from app.http.body_limit import GRAPHQL, answered
from app.web_pages import WEB_PATH
from graphql_server.context import Observer
from graphql_server.http_answers import Refused
from providers.local_disk.storage import MEDIA_PATH
from resolvers import observing
from resolvers.authentication import Requester, RequestRates, requester
from resolvers.errors import TooManyRequests
from resolvers.observing import rename, span, trace_id
from resolvers.streams import Streams
from rest_compat.conditional import ROUTE, is_about_a_job

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
OTHER = "other"
SERVER_FAULTS = 500
# Those that FastAPI's router does not name, and what is mounted.
PLAIN = {
    "/",
    "/docs",
    "/openapi.json",
    "/health",
    "/healthz",
    "/api/v1/health",
    "/livez",
    "/readyz",
    "/metrics",
    f"{GRAPHQL}/schema.graphql",
    GRAPHQL,
}
MOUNTED = (MEDIA_PATH, f"/{WEB_PATH}", "/studio")

RESTARTING = Refused(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The server is being restarted and has broken off the request. Please try again.",
    "SERVER_RESTARTING",
    {"Retry-After": "1"},
)
APIS = (GRAPHQL, "/api/")
RATE_LIMIT = b"ratelimit"
# The part of an IPv6 address that one customer is given all of.
IPV6_NETWORK = 64
TOO_MANY = Refused(
    HTTPStatus.TOO_MANY_REQUESTS,
    "Too many WebSockets are open from this address. Please close one first.",
    "TOO_MANY_CONNECTIONS",
    {"Retry-After": "10"},
)

logger = logging.getLogger("lookreel.requests")
app_logger = logging.getLogger("lookreel")


class Noted:
    """Notes each answer when it begins: what streams do afterwards is no request's time.

    Where traces are sent, a request is a span in the trace of whoever sent it, which ends then, too. Answers 503 for a
    request that is broken off because the process ends.
    """

    def __init__(self, app: ASGIApp, streams: Streams, *, log_requests: bool, has_traces: bool) -> None:
        self._app = app
        self._streams = streams
        self._log_requests = log_requests
        self._has_traces = has_traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._has_traces:
            parent = TraceContextTextMapPropagator().extract(Headers(scope=scope))
            with span(_method_of(scope), SpanKind.SERVER, parent) as current:
                observing.bind(trace_id=trace_id())
                await self._answer(scope, receive, send, current)
        else:
            await self._answer(scope, receive, send, INVALID_SPAN)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, current: Span) -> None:
        began = time.perf_counter()
        has_answer = False

        async def send_noted(message: Message) -> None:
            nonlocal has_answer
            has_answer = True
            if message["type"] == "http.response.start":
                self._note(scope, message["status"], time.perf_counter() - began, current)
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except asyncio.CancelledError:
            if not self._streams.are_ending:
                raise
            app_logger.warning("%s %s was broken off: the process ends", scope["method"], scope["path"])
            if not has_answer:
                await answered(scope, RESTARTING)(scope, receive, send_noted)

    def _note(self, scope: Scope, status: int, seconds: float, current: Span) -> None:
        method, route = _method_of(scope), route_of(scope)
        if self._has_traces:
            current.update_name(f"{method} {route}")
            current.set_attributes(
                {"http.request.method": method, "http.route": route, "http.response.status_code": status}
            )
            if status >= SERVER_FAULTS:
                current.set_status(StatusCode.ERROR)
            current.end()
        metrics.REQUESTS.new[method, route, status] += 1
        metrics.SECONDS.note(route, seconds)
        if self._log_requests:
            milliseconds = round(seconds * 1000, 1)
            fields = {"method": method, "route": route, "status": status, "milliseconds": milliseconds}
            logger.info("%s %s %s in %s ms", method, route, status, milliseconds, extra={"fields": fields})


class Observing(Observer):
    """Counts GraphQL operations and fallbacks."""

    def executing(self) -> AbstractContextManager[object]:
        """Make the operation a span."""
        return span("graphql")

    def operation(self, label: str, seconds: float, *, has_errors: bool) -> None:
        """Count an operation, and name its span."""
        rename(label)
        metrics.OPERATIONS.new[label, "errors" if has_errors else "ok"] += 1
        metrics.OPERATION_SECONDS.note(label, seconds)

    def fallback(self, reason: str) -> None:
        """Count a fallback."""
        metrics.FALLBACKS.new[(reason,)] += 1


def _method_of(scope: Scope) -> str:
    return scope["method"] if scope["method"] in METHODS else OTHER


def route_of(scope: Scope) -> str:
    """Return the route as it is written in the code: there are as many as we have, whatever clients ask for."""
    route = scope.get("route")
    if route is not None:
        return str(route.path)
    path: str = scope["path"]
    if path in PLAIN:
        return path
    return ROUTE if is_about_a_job(scope) else next((each for each in MOUNTED if path.startswith(f"{each}/")), OTHER)


class LimitRequests:
    """Counts requests to the two APIs: by address here, before anything is read, and by user once that is known.

    The messages of a WebSocket count as well; those that are too many wait. Open WebSockets are counted by address,
    too: of the client, where a proxy is trusted to say it (`FORWARDED_ALLOW_IPS`).
    """

    def __init__(self, app: ASGIApp, rates: RequestRates, websockets_per_address: int) -> None:
        self._app = app
        self._rates = rates
        self._most_open = websockets_per_address
        self._open: Counter[str] = Counter()
        self._policy = (b"ratelimit-policy", rates.policy.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it: Starlette sends that to a WebSocket as `websocket.http.response`."""
        if scope["type"] not in {"http", "websocket"} or not scope["path"].startswith(APIS):
            await self._app(scope, receive, send)
            return
        current = Requester(scope["type"] == "websocket")
        # ASGI lets servers leave it out.
        address = network_of((scope.get("client") or ("",))[0])
        if self._rates.by_address:
            current.by_address = self._rates.by_address.take(address, time.monotonic())
        token = requester.set(current)
        try:
            if current.by_address and current.by_address.wait:
                refusal = answered(scope, _refused(current.by_address.wait))
                await refusal(scope, receive, self._telling(send, current))
            elif current.is_websocket:
                await self._counted(address, scope, lambda: self._paced(receive, current), send)
            else:
                await self._app(scope, receive, self._telling(send, current))
        finally:
            requester.reset(token)

    def _telling(self, send: Send, current: Requester) -> Send:
        async def send_with_state(message: Message) -> None:
            """Add what there is to say; an answer that tells of another limit already, as creations do, is left."""
            if message["type"] == "http.response.start" and (state := current.state()):
                headers = message.get("headers", ())
                if RATE_LIMIT not in [name for name, _ in headers]:
                    message["headers"] = [*headers, self._policy, (RATE_LIMIT, state.encode())]
            await send(message)

        return send_with_state

    async def _counted(self, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        if self._open[address] >= self._most_open:
            await answered(scope, TOO_MANY)(scope, receive, send)
            return
        self._open[address] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]

    async def _paced(self, receive: Receive, current: Requester) -> Message:
        message = await receive()
        rate = self._rates.by_user
        while rate and current.user is not None and message["type"] == "websocket.receive":
            wait = rate.take(current.user, time.monotonic()).wait
            if not wait:
                break
            await asyncio.sleep(wait)
        return message


def _refused(wait: float) -> Refused:
    error = TooManyRequests(ceil(wait))
    headers = {"Retry-After": str(error.retry_after_seconds)}
    return Refused(HTTPStatus.TOO_MANY_REQUESTS, error.message, error.code, headers)


@lru_cache(4096)  # to read an address takes longer than all the rest
def network_of(address: str) -> str:
    """Return what of an address stands for one customer: all of IPv4, half of IPv6; anything else as it is."""
    try:
        parsed = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    return str(parsed.ipv4_mapped or ipaddress.ip_network((int(parsed), IPV6_NETWORK), strict=False))
