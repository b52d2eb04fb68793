"""What runs are played on: a database of its own, users with tokens, their jobs, and worker processes."""

import asyncio
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import PIL.Image
from sqlalchemy import func, select
from starlette.datastructures import UploadFile

from app.parent import SUPERVISED
from auth.caller import Caller
from db import migrations
from db.embedded.server import embedded_server
from db.enums import ACTIVE_STATUSES
from db.tables import VideoJob
from providers.cloudinary.storage import CloudinaryStorage
from providers.mock.models import ANY_MODEL
from providers.omni import models as omni
from providers.veo.models import MODELS, NAME
from resolvers import accounts, video_job_creation
from resolvers.models import Catalogue, Provider
from resolvers.ports import Storage
from resolvers.services import Services
from resolvers.tokens import Order, grant_as_operator
from resolvers.video_job_creation import CreatedVideoJob
from resolvers.video_job_images import Uploads, stored
from resolvers.video_job_input import VideoJobInput
from tests.doubles.google_account import service_account_file
from tests.inspected import InspectedDatabase

OFFERED = Catalogue.of(ANY_MODEL, {Provider(NAME): MODELS, Provider(omni.NAME): omni.offered({}, frontend_ids=False)})
VEO, OMNI = "veo-3.1-generate-preview", "gemini-omni-1.2-flash"
END_SECONDS = 40.0
POLL_SECONDS = 0.5
TOKENS = 1000
# What this process was told about an installation of its own is not for the workers.
OURS = (
    "DATABASE_",
    "JWT_",
    "DATA_DIR",
    "GOOGLE_",
    "GEMINI_",
    "VEO_",
    "OMNI_",
    "CLOUDINARY_",
    "GENERATIONS_",
    "SUBMITS_",
    "REFUND_",
    "LOG_",
)


@dataclass(frozen=True)
class Stage:
    """An installation for one run. `worker_settings` is the environment that its workers get; logs go to `logs`."""

    database: InspectedDatabase
    storage: Storage
    catalogue: Catalogue
    worker_settings: Mapping[str, str]
    logs: Path

    async def users(self, count: int) -> list[Caller]:
        """Make accounts with more tokens than they will spend."""
        callers = [Caller(user_id, f"{user_id}@example.com") for user_id in (uuid4() for _ in range(count))]
        for caller in callers:
            async with self.database.transaction() as session:
                await accounts.get_or_create_account(session, caller)
                await grant_as_operator(session, caller, Order(TOKENS), self.catalogue.policy)
        return callers

    async def create(self, caller: Caller, asked: VideoJobInput, image: bytes | None = None) -> CreatedVideoJob:
        """Create a job as an edge does, perhaps with an initial image; raises as the resolvers do."""
        uploads = Uploads(UploadFile(BytesIO(image), size=len(image)) if image else None)
        services = Services(self.database, self.storage, self.catalogue)
        async with stored(services, caller, asked, uploads) as request, self.database.transaction() as session:
            return await video_job_creation.create(session, caller, request, self.catalogue)

    async def active_jobs(self) -> int:
        """Count the jobs that have not ended."""
        async with self.database.session() as session:
            active = select(func.count()).where(VideoJob.status.in_(ACTIVE_STATUSES))
            return await session.scalar(active) or 0

    async def jobs(self) -> Sequence[VideoJob]:
        """Read all jobs."""
        async with self.database.session() as session:
            return (await session.scalars(select(VideoJob))).all()


@asynccontextmanager
async def stage_for(
    veo_url: str, cloudinary_url: str, settings: Mapping[str, object], logs: Path | None = None
) -> AsyncIterator[Stage]:
    """Set a stage up in a folder that goes again; `settings` are more of the workers' environment."""
    with TemporaryDirectory(prefix="lookreel-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        account = service_account_file(folder / "account.json", f"{veo_url}/token")
        with embedded_server(folder / "data") as url:
            database, storage = InspectedDatabase(url), CloudinaryStorage(cloudinary_url)
            environment = {
                "DATABASE_URL": url,
                "JWT_SECRET_KEY": secrets.token_urlsafe(48),
                "DATA_DIR": folder / "worker",
                "GOOGLE_CLOUD_PROJECT": "double",
                "GOOGLE_VERTEX_BASE_URL": veo_url,
                "GOOGLE_APPLICATION_CREDENTIALS": account,
                "CLOUDINARY_URL": cloudinary_url,
                SUPERVISED: 1,  # workers end when this process does, whatever becomes of it
                **settings,
            }
            texts = {key: str(value) for key, value in environment.items()}
            await migrations.upgrade(database.server.url)
            try:
                yield Stage(database, storage, OFFERED, texts, logs or folder)
            finally:
                await storage.aclose()
                await database.close()


class Worker:
    """A worker process, started anew whenever it ends."""

    def __init__(self, stage: Stage, number: int) -> None:
        self._stage = stage
        self._log = stage.logs / f"worker-{number}.log"
        self._process: asyncio.subprocess.Process | None = None
        self.starts = 0

    @property
    def pid(self) -> int:
        """The process that runs now.

        Raises:
            RuntimeError: there is none

        """
        if self._process is None:
            raise RuntimeError("The worker has not been started")
        return self._process.pid

    def send(self, number: signal.Signals) -> bool:
        """Send the process a signal; return whether it was still there."""
        if self._process is None or self._process.returncode is not None:
            return False
        self._process.send_signal(number)
        return True

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Worker"]:
        """Keep it running for as long as the context lasts."""
        task = asyncio.create_task(self._keep_running())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self._end()

    async def _keep_running(self) -> None:
        while True:
            await self._start()
            if self._process is not None:
                await self._process.wait()

    async def _start(self) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        environment = inherited | dict(self._stage.worker_settings)
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app.launch", "app.worker"),
                env=environment,
                stdin=asyncio.subprocess.PIPE,
                stderr=log,
            )
        self.starts += 1

    async def _end(self) -> None:
        if self._process is None or not self.send(signal.SIGTERM):
            return
        try:
            await asyncio.wait_for(self._process.wait(), END_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


async def within(seconds: float, done: Callable[[], Awaitable[bool]]) -> bool:
    """Ask again and again whether it is done; return whether it was, in so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        if await done():
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)


def order(number: int, *, generate_audio: bool, idempotency_key: str | None = None, model: str = VEO) -> VideoJobInput:
    """Ask for a real video; the prompt tells the jobs apart at the generators."""
    return VideoJobInput(
        prompt=prompt_of(number),
        model=model,
        resolution="720p",
        aspect_ratio="16:9",
        mock_mode=False,
        generate_audio=generate_audio,
        idempotency_key=idempotency_key,
    )


def omni_settings(url: str, poll_seconds: float) -> dict[str, object]:
    """Return what has workers make the videos of its own model with Omni."""
    return {"GEMINI_API_KEY": "double", "GOOGLE_GEMINI_BASE_URL": url, "OMNI_POLL_SECONDS": poll_seconds}


def prompt_of(number: int) -> str:
    """Return the prompt of a job."""
    return f"Take {number}: the model turns slowly"


def picture() -> bytes:
    """Return a small PNG."""
    target = BytesIO()
    PIL.Image.new("RGB", (320, 180), "teal").save(target, "PNG")
    return target.getvalue()


def table(title: str, figures: Mapping[str, object]) -> str:
    """Return figures as a table in Markdown."""
    rows = [f"| {name} | {value} |" for name, value in figures.items()]
    return "\n".join([f"| {title} | |", "| --- | --- |", *rows])


def public_id(job_id: UUID) -> str:
    """Return under which name a job's video is at Cloudinary."""
    return f"lookreel/{job_id}"
