"""Counts what is answered, by route, and logs it where that is wanted: a line a request, without anything of it."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.body_limit import GRAPHQL
from app.metrics import REQUESTS, SECONDS
from app.web_pages import WEB_PATH
from providers.local_disk.storage import MEDIA_PATH
from rest_compat import polls

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
OTHER = "other"
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
        method, route = scope["method"] if scope["method"] in METHODS else OTHER, route_of(scope)
        REQUESTS.note(method, route, status)
        SECONDS.note(route, seconds)
        if self._log_requests:
            milliseconds = round(seconds * 1000, 1)
            fields = {"method": method, "route": route, "status": status, "milliseconds": milliseconds}
            logger.info("%s %s %s in %s ms", method, route, status, milliseconds, extra={"fields": fields})


def route_of(scope: Scope) -> str:
    """Return the route as it is written in the code: there are as many as we have, whatever clients ask for."""
    route = scope.get("route")
    if route is not None:
        return str(route.path)
    if polls.is_about_a_job(scope):
        return polls.ROUTE
    path: str = scope["path"]
    return path if path in PLAIN else next((each for each in MOUNTED if path.startswith(f"{each}/")), OTHER)
