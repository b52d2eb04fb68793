"""A house whose credentials Google refuses: how it gets there, what it then says, and when it is over."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from auth.caller import Caller
from db import submission_pace
from db.tables import FileRemoval
from db.video_jobs import JobRow
from tests.doubles.answers import error
from tests.worker.studio import HASTE, Money, Said, Studio, WireName

REFUSED = error(403, "Permission denied on project", reason="PERMISSION_DENIED")
UNTOUCHED = Money(tokens=100, charges=0, refunds=0)
SUSPENDED = (
    "Real videos cannot be made at the moment, since video generation is not set up correctly on our side. "
    "Nothing was charged. Please try again later, or send mockMode=true for a mock video."
)
# Longer than any test: what is to be over within it is not over by itself.
PATIENT = replace(HASTE, refused_seconds=3600)


async def found_out(studio: Studio) -> tuple[Caller, JobRow]:
    """Let a worker find out that the credentials are refused, and stop it; return whose job it was, and the job."""
    caller = await studio.house.user()
    studio.veo.script_submit(REFUSED)
    async with studio.working(PATIENT):
        job = await studio.house.finished(await studio.created(caller))
    return caller, job


async def refusal_is_known(studio: Studio) -> None:
    """Note what `found_out` lets a worker find out."""
    async with studio.house.database.transaction() as transaction:
        await submission_pace.set_trouble(transaction, "veo", "403 PERMISSION_DENIED", timedelta(hours=1))


async def rest_is_over(studio: Studio) -> None:
    async with studio.house.database.session() as session:
        await session.execute(text("UPDATE submission_pace SET blocked_until = now(), next_at = now()"))


async def health(studio: Studio) -> tuple[int, dict[str, Any]]:
    answer = await studio.house.http.get("/healthz")
    return answer.status_code, answer.json()


WELL = (200, {"status": "ok"})
DEGRADED = (200, {"status": "degraded", "generation": "The generator refuses our credentials."})


async def is_suspended(studio: Studio, over: WireName, *files: Any, **fields: Any) -> None:
    """Look that a creation is refused, and has written, stored and charged nothing."""
    caller = await studio.house.user()
    before = await studio.traces(caller), await studio.rows(FileRemoval), len(studio.cloudinary.uploads)

    said = await studio.create(caller, *files, over=over, **fields)

    status = 503 if over == "rest" else 200
    assert said == Said(status, code="GENERATION_SUSPENDED", message=SUSPENDED)
    after = await studio.traces(caller), await studio.rows(FileRemoval), len(studio.cloudinary.uploads)
    assert (after, await studio.money(caller)) == (before, UNTOUCHED)
