"""Many jobs of one worker, each of another user and with a generator of its own; and what has become of each."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import uuid4

from sqlalchemy import select, text

from auth.caller import Caller
from db.enums import LogLevel
from db.tables import VideoJob
from db.video_jobs import JobRow
from media.video_properties import VideoProperties
from media.videos import probe
from tests.doubles.apart import Apart
from tests.doubles.cloudinary import Fault
from tests.doubles.cloudinary_protocol import Upload
from tests.house import eventually
from tests.worker.studio import Money, Studio, hurry

D = TypeVar("D", bound=Apart)
K = TypeVar("K")


@dataclass(frozen=True)
class Behind(Generic[D]):
    """What is behind one job alone: who generates it, and the faults that its uploads meet."""

    double: D
    faults: deque[Fault]


@dataclass(frozen=True)
class Outcome(Generic[D]):
    """What a user and an operator can see once the worker has stopped. `message` is the job's, as its owner reads it.

    `leftovers` are the files in the scratch folder, of whichever job.
    """

    job: JobRow
    message: str | None
    money: Money
    log: Sequence[tuple[str, str]]
    is_queued: bool
    double: D
    stored: Sequence[tuple[Upload, VideoProperties]]
    uploads: int
    leftovers: Sequence[str]

    def logged(self, level: LogLevel) -> list[str]:
        return [message for at, message in self.log if at == level]


async def outcomes(
    studio: Studio,
    double: D,
    scripts: Mapping[K, Callable[[Behind[D]], None]],
    working: AbstractAsyncContextManager[Any],
) -> dict[K, Outcome[D]]:
    """Let a worker make a job for each script, all at once; return what has become of them."""
    jobs: list[tuple[Caller, str, Behind[D]]] = []
    for script in scripts.values():
        caller, prompt = await studio.house.user(), uuid4().hex
        job_id = await studio.created(caller, prompt=prompt)
        jobs.append((caller, job_id, Behind(double.apart(prompt), studio.cloudinary.faults_of[f"lookreel/{job_id}"])))
        script(jobs[-1][2])
    with hurry():
        async with working:
            await eventually(lambda: _unfinished(studio), lambda left: not left, 120.0)
    queued = await _queued(studio)
    found = [await _outcome(studio, *job, is_queued=job[1] in queued) for job in jobs]
    await studio.house.clear()
    return dict(zip(scripts, found, strict=True))


async def _unfinished(studio: Studio) -> Sequence[tuple[str | None, str | None]]:
    async with studio.house.database.session() as session:
        left = select(VideoJob.prompt, VideoJob.status_message).where(VideoJob.completed_at.is_(None))
        return [(prompt, message) for prompt, message in await session.execute(left)]


async def _queued(studio: Studio) -> set[str]:
    async with studio.house.database.session() as session:
        return set(await session.scalars(text("SELECT convert_from(payload, 'utf8') FROM pgqueuer")))


async def _outcome(
    studio: Studio, caller: Caller, job_id: str, behind: Behind[Any], *, is_queued: bool
) -> Outcome[Any]:
    files = [file for file in studio.cloudinary.files.values() if job_id in file.public_id]
    return Outcome(
        job=await studio.house.job(job_id),
        message=(await studio.read(caller, job_id))["errorMessage"],
        money=await studio.money(caller),
        log=await studio.log(job_id),
        is_queued=is_queued,
        double=behind.double,
        stored=[(file, await asyncio.to_thread(probe, file.path)) for file in files],
        uploads=studio.cloudinary.uploads_of(f"lookreel/{job_id}"),
        leftovers=[path.name for path in studio.house.settings.scratch_folder.glob("*")],
    )
