"""The last requests of a process: what is not finished when its time is up is answered, too."""

import asyncio
import logging
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.body_limit import answered
from graphql_server.http_answers import Refused
from resolvers.streams import Streams

RESTARTING = Refused(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The server is being restarted and has broken off the request. Please try again.",
    "SERVER_RESTARTING",
    {"Retry-After": "1"},
)

logger = logging.getLogger("lookreel")


class AnswerLastRequests:
    """Answers 503 for a request that is broken off because the process ends."""

    def __init__(self, app: ASGIApp, streams: Streams) -> None:
        self._app = app
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        has_answer = False

        async def send_noted(message: Message) -> None:
            nonlocal has_answer
            has_answer = True
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except asyncio.CancelledError:
            if not self._streams.are_ending or scope["type"] != "http":
                raise
            logger.warning("%s %s was broken off: the process ends", scope["method"], scope["path"])
            if not has_answer:
                await answered(scope["path"], Headers(scope=scope), RESTARTING)(scope, receive, send)
