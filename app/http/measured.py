"""Notes each request without anything of it: counted by route, a line of the log and a span where those are wanted."""

import logging
import time

from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.body_limit import GRAPHQL
from app.metrics import REQUESTS, SECONDS
from app.web_pages import WEB_PATH
from providers.local_disk.storage import MEDIA_PATH
from resolvers import observing
from resolvers.observing import span, trace_id
from rest_compat import polls

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

logger = logging.getLogger("lookreel.requests")


class Measured:
    """Notes each answer when it begins: what streams do afterwards is no request's time."""

    def __init__(self, app: ASGIApp, *, log_requests: bool) -> None:
        self._app = app
        self._log_requests = log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(scope, message["status"], time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, send_noted)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method, route = _method_of(scope), route_of(scope)
        REQUESTS.note(method, route, status)
        SECONDS.note(route, seconds)
        if self._log_requests:
            milliseconds = round(seconds * 1000, 1)
            fields = {"method": method, "route": route, "status": status, "milliseconds": milliseconds}
            logger.info("%s %s %s in %s ms", method, route, status, milliseconds, extra={"fields": fields})


class Traced:
    """Makes each request a span, in the trace of whoever sent it.

    Ends it when the answer begins, as `Measured` does.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parent = TraceContextTextMapPropagator().extract(Headers(scope=scope))
        method = _method_of(scope)
        with span(method, SpanKind.SERVER, parent) as current:
            observing.bind(trace_id=trace_id())

            async def send_noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    route, status = route_of(scope), message["status"]
                    current.update_name(f"{method} {route}")
                    current.set_attributes(
                        {"http.request.method": method, "http.route": route, "http.response.status_code": status}
                    )
                    if status >= SERVER_FAULTS:
                        current.set_status(StatusCode.ERROR)
                    current.end()
                await send(message)

            await self._app(scope, receive, send_noted)


def _method_of(scope: Scope) -> str:
    return scope["method"] if scope["method"] in METHODS else OTHER


def route_of(scope: Scope) -> str:
    """Return the route as it is written in the code: there are as many as we have, whatever clients ask for."""
    route = scope.get("route")
    if route is not None:
        return str(route.path)
    if polls.is_about_a_job(scope):
        return polls.ROUTE
    path: str = scope["path"]
    return path if path in PLAIN else next((each for each in MOUNTED if path.startswith(f"{each}/")), OTHER)
