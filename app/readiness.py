"""What an operator's machines ask an API process: whether it lives, and whether requests should be sent to it, by name.

`/readyz` answers by names of problems (decision 38).
"""

import asyncio
import hmac
import logging
import os
import shutil

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from app import metrics
from app.settings import Settings
from db import fleet, pauses, queue, revisions, submission_pace
from db.engine.database import Database
from db.engine.errors import DatabaseUnavailable
from db.engine.feed import JobFeed
from db.engine.statements import Reader

ANSWER_SECONDS = 0.8
SILENCE_SECONDS = 0.3
READ_SECONDS = 2.0
DISK_SECONDS = 0.15
LEAST_FREE_BYTES = 100 * 1000 * 1000

# Without these, nothing can be answered; whatever else is wrong, most requests can.
REQUIRED = {"database", "migrations", "queue"}

logger = logging.getLogger("lookreel")


class Readiness:
    """Looks at what requests need, over a connection that they do not use, within a second."""

    def __init__(self, settings: Settings, database: Database, feed: JobFeed) -> None:
        self._settings = settings
        self._reader = database.health
        self._feed = feed
        self._looking: asyncio.Task[str | None] | None = None

    async def answer(self, _request: Request) -> JSONResponse:
        """Answer 200, `ready` or `degraded`, or 503 `unavailable`; `problems` says in a sentence what each is."""
        problems = await self.problems()
        is_ready = not REQUIRED & problems.keys()
        status = ("degraded" if problems else "ready") if is_ready else "unavailable"
        headers = {"Cache-Control": "no-store"} | ({} if is_ready else {"Retry-After": "5"})
        return JSONResponse({"status": status, "problems": problems}, 200 if is_ready else 503, headers)

    async def problems(self) -> dict[str, str]:
        """Return what is wrong, by what it is wrong with."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await self._of_database()
        except TimeoutError:
            found = {"database": "The database does not answer in time."}
        except DatabaseUnavailable as error:
            found = {"database": error.message}
        except Exception:  # somebody else's tables may answer with anything
            logger.exception("The database answers what it should not")
            found = {"database": "The database answers what it should not: the log says more."}
        if self._feed.is_behind:
            found["following"] = f"Changes are told {self._feed.seconds_behind:.0f} s late or more."
        return found | await self._of_storage()

    async def _of_database(self) -> dict[str, str]:
        applied = await revisions.applied(self._reader)
        if not applied:
            return {"migrations": "The database is empty. Run `lookreel migrate`."}
        found: dict[str, str] = {}
        # A newer release's database is one that this release still works with (docs/RUNBOOK.md).
        if applied <= revisions.KNOWN and revisions.HEADS - revisions.OPTIONAL - applied:
            found["migrations"] = "The database is not up to date. Run `lookreel migrate`."
        if not await queue.announces_jobs(self._reader):
            found["queue"] = "The queue's trigger is missing, so that jobs begin late. Run PgQueuer's `pgq upgrade`."
        if refusing := await submission_pace.troubles(self._reader):
            found["provider"] = f"Our credentials are refused by {', '.join(sorted(refusing))}."
        if paused := await pauses.current(self._reader):
            found["creations"] = f"Paused by an operator ({', '.join(pause.scope for pause in paused)})."
        if silent := await trouble_of_workers(self._reader):
            found["workers"] = silent
        return found

    async def _of_storage(self) -> dict[str, str]:
        """Look at the disk in a thread: one behind a network may hang, and then keeps one thread of few, not all."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(asyncio.to_thread(self._trouble_of_disk))
        try:
            async with asyncio.timeout(DISK_SECONDS):
                trouble = await asyncio.shield(self._looking)
        except TimeoutError:
            trouble = "The disk of DATA_DIR does not answer."
        return {"storage": trouble} if trouble else {}

    def _trouble_of_disk(self) -> str | None:
        """Look at the disk that files are kept on, or wait on before they are stored elsewhere."""
        media = self._settings.media_folder.absolute()
        folder = next(each for each in (media, *media.parents) if each.exists())
        if not os.access(folder, os.W_OK | os.X_OK):
            return "DATA_DIR cannot be written to."
        if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
            return "The disk of DATA_DIR is full."
        return None


async def trouble_of_workers(reader: Reader) -> str | None:
    """Say for how long there has been no sign of a worker; None where one is alive, or where that cannot be told now.

    Where nobody ever worked, it is told by the jobs that wait, whose table others may hold.
    """
    try:
        async with asyncio.timeout(SILENCE_SECONDS):
            silent = (await fleet.alive(reader)).silent_seconds or 0.0
    except (DatabaseUnavailable, TimeoutError):
        return None
    is_silent = silent > fleet.ALIVE.total_seconds()
    return f"No worker has given a sign of life for {silent:.0f} s." if is_silent else None


async def live(_request: Request) -> PlainTextResponse:
    """Answer that the process answers; nothing else is asked, so that no outage has processes restarted."""
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


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

    async def _figures(self) -> fleet.Figures | None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await fleet.figures(self._database.health)
        except Exception as error:  # noqa: BLE001 - what the process counts is wanted then above all
            logger.warning("The database's figures could not be read: %s", type(error).__name__)
            return None
