"""Makes each request a span, in the trace of whoever sent it."""

from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.measured import METHODS, OTHER, route_of
from resolvers import log_context
from resolvers.spans import span, trace_id

SERVER_FAULTS = 500


class Traced:
    """Ends the span when the answer begins: what streams do afterwards is no request's time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parent = TraceContextTextMapPropagator().extract(Headers(scope=scope))
        method = scope["method"] if scope["method"] in METHODS else OTHER
        with span(method, SpanKind.SERVER, parent) as current:
            log_context.bind(trace_id=trace_id())

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
