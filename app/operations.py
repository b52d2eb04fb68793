"""What an operator's machines ask an API process: whether it lives, and its metrics."""

import asyncio
import hmac
import logging
from contextlib import AbstractContextManager

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from app import metrics
from db import figures
from db.engine.database import Database
from resolvers.observing import rename, span

READ_SECONDS = 2.0

logger = logging.getLogger("lookreel")


async def live(_request: Request) -> PlainTextResponse:
    """Answer that the process answers; nothing else is asked, so that no outage has processes restarted."""
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


class Observing:
    """Counts GraphQL operations and fallbacks (`graphql_server.observing.Observer`)."""

    def executing(self) -> AbstractContextManager[object]:
        """Make the operation a span."""
        return span("graphql")

    def operation(self, label: str, seconds: float, *, has_errors: bool) -> None:
        """Count an operation, and name its span."""
        rename(label)
        metrics.OPERATIONS.note(label, "errors" if has_errors else "ok")
        metrics.OPERATION_SECONDS.note(label, seconds)

    def fallback(self, reason: str) -> None:
        """Count a fallback."""
        metrics.FALLBACKS.note(reason)


class MetricsPage:
    """`/metrics`, for whoever has the token."""

    def __init__(self, token: str, database: Database) -> None:
        self._token = token.encode()
        self._database = database

    async def answer(self, request: Request) -> Response:
        """Answer all metrics; those of the database as well, if it answers in time."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._token):
            body = {"detail": "This needs the METRICS_TOKEN as a bearer token.", "code": "UNAUTHENTICATED"}
            return JSONResponse(body, 401, {"WWW-Authenticate": "Bearer"})
        found = await self._figures()
        for tally in metrics.TALLIES:
            tally.take_over()
        # With many processes' files, this takes some milliseconds of nothing but computing.
        text = await asyncio.to_thread(metrics.exposition, found)
        return Response(text, media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})

    async def _figures(self) -> figures.Figures | None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await figures.read(self._database.health)
        except Exception as error:  # noqa: BLE001 - what the process counts is wanted then above all
            logger.warning("The database's figures could not be read: %s", type(error).__name__)
            return None
