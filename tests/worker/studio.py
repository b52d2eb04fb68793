"""Real generation against doubles: the API, a Veo, a Cloudinary, and a worker that is in a hurry."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from io import BytesIO
from typing import Any, Literal

import PIL.Image
import pytest
from sqlalchemy import func, select
from starlette.types import Message, Receive, Scope, Send

from app.settings import Settings
from auth.caller import Caller
from db.enums import LedgerEntryKind
from db.tables import Base, FileRemoval, LedgerEntry, VideoJob, VideoJobImage, VideoJobLog
from tests.doubles.cloudinary import CloudinaryDouble
from tests.doubles.veo import VeoDouble
from tests.house import FORM, House, Traces, eventually, multipart
from tests.inspected import InspectedDatabase
from tests.servers import serving
from tests.wires import CREATE
from tests.workers import at_work
from worker.context import RetryPolicy, WorkerContext

HASTE = RetryPolicy(
    first_retry_seconds=0.02,
    longest_retry_seconds=0.05,
    quota_seconds=0.05,
    refused_seconds=0.2,
    uncertain_seconds=0.2,
    generation_seconds=30,
)


@contextmanager
def hurry() -> Iterator[None]:
    """Let workers look after their queue and their files without delay."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("worker.service.DEQUEUE_TIMEOUT", timedelta(seconds=0.05))
        patch.setattr("worker.housekeeping.REMOVE_SECONDS", 0.1)
        yield


WireName = Literal["rest", "graphql"]
File = tuple[str, bytes]
"""A field's name and what is uploaded in it."""

LITE = "veo-3.1-lite-generate-001"

wires = pytest.mark.parametrize("over", ["rest", "graphql"])

_JSON_FIELDS = ("mockMode", "generateAudio", "durationSeconds")


class Front:
    """One server for many tests; each has a Veo of its own behind it.

    A submit's answer can be made to come late: the double has accepted it by then.
    """

    def __init__(self) -> None:
        self.url = ""
        self.veo = VeoDouble()
        self.submit_seconds = 0.0

    def renew(self) -> VeoDouble:
        """Put a new Veo behind the server."""
        self.veo = VeoDouble()
        self.veo.url = self.url
        self.submit_seconds = 0.0
        return self.veo

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        seconds = self.submit_seconds if scope.get("path", "").endswith(":predictLongRunning") else 0.0

        async def later(message: Message) -> None:
            if message["type"] == "http.response.start":
                await asyncio.sleep(seconds)
            await send(message)

        await self.veo.app(scope, receive, later)


@dataclass(frozen=True)
class Said:
    """What a creation was answered, over either wire. `status` is that of HTTP."""

    status: int
    job: dict[str, Any] | None = None
    replayed: bool = False
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True)
class Money:
    """What a job of one user has cost so far."""

    tokens: int
    charges: int
    refunds: int


CHARGED = Money(tokens=50, charges=1, refunds=0)
REFUNDED = Money(tokens=100, charges=1, refunds=1)


@dataclass(frozen=True)
class Studio:
    """A house that makes real videos, and the world around it."""

    house: House
    front: Front
    cloudinary: CloudinaryDouble
    veo: VeoDouble = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "veo", self.front.veo)

    @asynccontextmanager
    async def working(self, retry_policy: RetryPolicy = HASTE, **changes: Any) -> AsyncIterator[WorkerContext]:
        """Run a worker."""
        async with at_work(self.house.settings, self.house.database, retry_policy=retry_policy, **changes) as working:
            yield working

    async def create(self, caller: Caller, *files: File, over: WireName = "rest", **fields: Any) -> Said:
        """Ask for a real video with the usual fields, changed by `fields`; None leaves one out."""
        asked = FORM | {"mockMode": "false"} | fields
        return await (over_rest if over == "rest" else over_graphql)(self.house, caller, files, asked)

    async def created(self, caller: Caller, *files: File, over: WireName = "rest", **fields: Any) -> str:
        """Create a job; return its id."""
        said = await self.create(caller, *files, over=over, **fields)
        assert said.job, said
        return str(said.job["id"])

    async def read(self, caller: Caller, job_id: str) -> dict[str, Any]:
        """Read a job as the frontend does."""
        answer = await self.house.http.get(f"/api/v1/video-jobs/{job_id}", headers=self.house.headers(caller))
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def log(self, job_id: str) -> list[tuple[str, str]]:
        """Read the job's log, as its owner does."""
        rows = select(VideoJobLog.level, VideoJobLog.message).where(VideoJobLog.video_job_id == job_id)
        async with self.house.database.session() as session:
            return [(row.level, row.message) for row in await session.execute(rows.order_by(VideoJobLog.id))]

    async def logged(self, job_id: str, text: str) -> list[tuple[str, str]]:
        """Wait until a line of the job's log has that text in it."""
        return await eventually(lambda: self.log(job_id), lambda lines: any(text in line for _, line in lines))

    async def money(self, caller: Caller) -> Money:
        refund = LedgerEntry.kind == LedgerEntryKind.REFUND
        refunds = await self.house.count(LedgerEntry.user_id == caller.user_id, refund, table=LedgerEntry)
        return Money(await self.house.tokens(caller), await self.house.charges(caller), refunds)

    async def rows(self, table: type[Base]) -> int:
        return await self.house.count(table=table)

    async def due_removals(self) -> int:
        return await self.house.count(FileRemoval.due_at <= func.now(), table=FileRemoval)

    async def traces(self, caller: Caller) -> tuple[Traces, int]:
        """Tell what a request may have left behind, rows about images included."""
        return await self.house.traces(caller), await self.rows(VideoJobImage)


def have_ended(jobs: Sequence[VideoJob]) -> bool:
    return all(job.completed_at for job in jobs)


async def ended(
    studio: Studio, *, is_wanted: Callable[[Sequence[VideoJob]], bool] = have_ended, seconds: float = 60.0
) -> list[VideoJob]:
    """Wait until no job is in progress, or all are otherwise as wanted; return them, oldest first."""

    async def jobs() -> list[VideoJob]:
        async with studio.house.database.session() as session:
            return list(await session.scalars(select(VideoJob).order_by(VideoJob.id)))

    return await eventually(jobs, is_wanted, seconds)


@asynccontextmanager
async def another_studio(
    studio: Studio, settings: Settings, database: InspectedDatabase, **changes: Any
) -> AsyncIterator[Studio]:
    """Yield a studio with other settings before the same doubles."""
    changed = settings.model_copy(update=changes)
    async with serving(changed, database) as url, House.opened(changed, database, url) as house:
        yield Studio(house, studio.front, studio.cloudinary)


async def over_rest(house: House, caller: Caller, files: Sequence[File], asked: dict[str, Any]) -> Said:
    """Create a job with files over REST, from the fields of its form."""
    fields, headers = dict(asked), house.headers(caller)
    key = fields.pop("idempotencyKey", None)
    if key is not None:
        headers["Idempotency-Key"] = key
    uploads = [(name, ("upload.bin", data, "application/octet-stream")) for name, data in files]
    answer = await house.http.post("/api/v1/video-jobs", files=[*multipart(fields), *uploads], headers=headers)
    body = answer.json()
    if answer.status_code == 202:
        return Said(202, body, answer.headers.get("Idempotent-Replayed") == "true")
    detail = body["detail"]
    message = detail["message"] if isinstance(detail, dict) else detail
    return Said(answer.status_code, code=body["code"], message=message)


async def over_graphql(house: House, caller: Caller, files: Sequence[File], asked: dict[str, Any]) -> Said:
    """Do the same by a multipart request (https://github.com/jaydenseric/graphql-multipart-request-spec)."""
    values = {name: _typed(name, value) for name, value in asked.items() if value is not None}
    paths: dict[str, list[str]] = {}
    for number, (name, _) in enumerate(files):
        path = f"variables.input.{name}"
        if name == "referenceImages":
            path = f"{path}.{len(values.setdefault(name, []))}"
            values[name].append(None)
        else:
            values[name] = None
        paths[str(number)] = [path]
    operations = {"query": CREATE, "variables": {"input": values}}
    request: dict[str, Any] = {"json": operations}
    if files:
        request = {
            "data": {"operations": json.dumps(operations), "map": json.dumps(paths)},
            "files": {str(number): ("upload.bin", data) for number, (_, data) in enumerate(files)},
        }
    answer = await house.http.post("/graphql", headers=house.headers(caller), **request)
    body = answer.json()
    assert "errors" not in body, body
    payload = body["data"]["createVideoJob"]
    if payload["errors"]:
        (error,) = payload["errors"]
        return Said(answer.status_code, code=error["code"], message=error["message"])
    return Said(answer.status_code, payload["videoJob"], payload["replayed"])


def _typed(name: str, value: Any) -> Any:
    """Spell a form's text as JSON: what is a number or a boolean there becomes one."""
    return json.loads(value) if name in _JSON_FIELDS and isinstance(value, str) else value


@lru_cache
def picture(kind: Literal["JPEG", "PNG", "WEBP", "GIF"], color: str = "teal") -> bytes:
    """Return an image file."""
    target = BytesIO()
    PIL.Image.new("RGB", (32, 18), color).save(target, kind)
    return target.getvalue()


JPEG, PNG = picture("JPEG"), picture("PNG")
FRAMES: Sequence[File] = (("initialImage", JPEG), ("endFrame", PNG))
REFERENCES: Sequence[File] = tuple(("referenceImages", picture("PNG", color)) for color in ("maroon", "navy", "olive"))
