"""`make chaos`: real-mode jobs against failing doubles, while workers are killed; nothing may be lost or paid twice."""

import argparse
import asyncio
import logging
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.caller import Caller
from bench.stage import OMNI, VEO, Stage, Worker, omni_settings, order, picture, stage_for, table, within
from bench.verdict import Scene, unowned_files, violations
from db.enums import VideoJobStatus
from db.tables import VideoJob
from resolvers.errors import ImagesNotStored
from resolvers.policy import ACTIVE_JOB_LIMIT
from resolvers.video_job_creation import CreatedVideoJob
from resolvers.video_job_input import VideoJobInput
from tests.doubles.cloudinary import CloudinaryDouble
from tests.doubles.omni import OmniDouble
from tests.doubles.serving import serving_app
from tests.doubles.veo import VeoDouble

LEAST_USERS = 100
CREATING_SECONDS = 30.0
KILL_SECONDS = 2.0
GENERATION_SECONDS = 1.5
LONGEST_SUBMIT_SECONDS = 1.0
SETTLE_SECONDS = 180.0
"""How long jobs may take after the last kill: an uncertain one waits 90 s for its sender to come back."""

REMOVAL_SECONDS = 30.0
"""How long removals that are due at once may take; others come a day later."""

TRIES = 20
POLL_SECONDS = 0.5
SUBMITS = (":predictLongRunning", "/interactions")
SETTINGS = {
    "VEO_POLL_SECONDS": POLL_SECONDS,
    "GENERATIONS_AT_ONCE": 100,
    "SUBMITS_PER_MINUTE": 6000,
    "REFUND_FAILED_JOBS": True,
}


@dataclass(frozen=True)
class Plan:
    """What happens in a run: times in seconds, `failure_rate` the share of calls to the doubles that fail."""

    jobs: int
    workers: int
    seconds: float
    failure_rate: float
    seed: int
    logs: Path | None = None


@dataclass
class Course:
    """What has happened in a run."""

    kills: Counter[str] = field(default_factory=Counter)
    replays: int = 0
    with_images: int = 0
    violations: list[str] = field(default_factory=list)


def main() -> int:
    """Play a run and print its figures; return 1 where something was violated."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.chaos")
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long workers are killed")
    parser.add_argument("--failure-rate", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311 - to be told, not secret
    parser.add_argument("--logs", type=Path, help="a folder in which the workers' logs stay")
    plan = Plan(**vars(parser.parse_args()))
    logging.getLogger("uvicorn.error").addFilter(_is_no_disconnect)
    print(f"Chaos with seed {plan.seed}: {plan.jobs} jobs, {plan.workers} workers, {plan.seconds:.0f} s of kills")
    return asyncio.run(_play(plan))


async def _play(plan: Plan) -> int:
    async with AsyncExitStack() as stack:
        files = Path(stack.enter_context(TemporaryDirectory(prefix="lookreel-")))
        veo = VeoDouble(failure_rate=plan.failure_rate, seed=plan.seed)
        veo.seconds_until_done = GENERATION_SECONDS
        veo.url = await stack.enter_async_context(serving_app(_slowly_accepting(veo.app, plan)))
        omni = OmniDouble(failure_rate=plan.failure_rate, seed=plan.seed)
        omni.seconds_until_done = GENERATION_SECONDS
        omni.url = await stack.enter_async_context(serving_app(_slowly_accepting(omni.app, plan)))
        double = CloudinaryDouble(files, failure_rate=plan.failure_rate, seed=plan.seed)
        cloudinary = await stack.enter_async_context(double.serving())
        settings = SETTINGS | omni_settings(omni.url, POLL_SECONDS)
        stage = await stack.enter_async_context(stage_for(veo.url, cloudinary.cloudinary_url, settings, plan.logs))
        return await _play_on(Scene(stage, veo, omni, cloudinary), plan)


def _slowly_accepting(double: ASGIApp, plan: Plan) -> ASGIApp:
    """Let a submit that was accepted wait for its answer, so that many workers die just then."""
    chance = random.Random(plan.seed)  # noqa: S311 - repeatable, not secret

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_later(message: Message) -> None:
            if message["type"] == "http.response.start" and scope["path"].endswith(SUBMITS):
                await asyncio.sleep(chance.uniform(0, LONGEST_SUBMIT_SECONDS))
            await send(message)

        await double(scope, receive, send_later)

    return app


def _is_no_disconnect(record: logging.LogRecord) -> bool:
    """Keep the log of the doubles' server free of what killed workers leave behind."""
    return not (record.exc_info and isinstance(record.exc_info[1], ClientDisconnect))


async def _play_on(scene: Scene, plan: Plan) -> int:
    started, course = time.monotonic(), Course()
    workers = [Worker(scene.stage, number) for number in range(plan.workers)]
    async with AsyncExitStack() as stack:
        for worker in workers:
            await stack.enter_async_context(worker.running())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_create_jobs(scene.stage, plan, course))
            tasks.create_task(_kill_now_and_then(workers, plan, course))
        await within(SETTLE_SECONDS, lambda: _have_ended(scene.stage))
        await within(REMOVAL_SECONDS, lambda: _are_removed(scene))
    course.violations += await violations(scene)
    wall = time.monotonic() - started
    print(table("chaos", await _figures(scene, course, workers) | {"wall time": f"{wall:.0f} s"}))
    print("\n".join([f"\nviolations: {len(course.violations)}", *course.violations]))
    return 1 if course.violations else 0


async def _create_jobs(stage: Stage, plan: Plan, course: Course) -> None:
    callers = await stage.users(max(LEAST_USERS, -(-plan.jobs // ACTIVE_JOB_LIMIT)))
    async with asyncio.TaskGroup() as tasks:
        for number in range(plan.jobs):
            tasks.create_task(_create_job(stage, plan, course, callers[number % len(callers)], number))


async def _create_job(stage: Stage, plan: Plan, course: Course, caller: Caller, number: int) -> None:
    """Create a job when its time comes; each third is asked for twice with one key, each fifth has an image.

    Half of them are made by each provider, with sound and without.
    """
    await asyncio.sleep(number * CREATING_SECONDS / plan.jobs)
    key = f"key {number}" if number % 3 == 0 else None
    model = VEO if number // 2 % 2 == 0 else OMNI
    asked = order(number, generate_audio=number % 2 == 0, idempotency_key=key, model=model)
    image = picture() if number % 5 == 0 else None
    course.with_images += image is not None
    times = 1 if key is None else 2
    created = await asyncio.gather(*(_created(stage, caller, asked, image) for _ in range(times)))
    course.replays += sum(answer.replayed for answer in created)
    # A new job is a row with its id as text, a replayed one an entity.
    if len({str(answer.job.id) for answer in created}) > 1:
        course.violations.append(f"Two jobs were created for the key {key!r}")


async def _created(stage: Stage, caller: Caller, asked: VideoJobInput, image: bytes | None) -> CreatedVideoJob:
    """Create a job as a client does: ask again where its image could not be stored."""
    for _ in range(TRIES):
        try:
            return await stage.create(caller, asked, image)
        except ImagesNotStored:
            await asyncio.sleep(0.1)
    raise RuntimeError("An image could not be stored, however often")


async def _kill_now_and_then(workers: list[Worker], plan: Plan, course: Course) -> None:
    chance = random.Random(plan.seed)  # noqa: S311 - repeatable, not secret
    end = time.monotonic() + plan.seconds
    while time.monotonic() < end:
        await asyncio.sleep(KILL_SECONDS)
        number = chance.choice((signal.SIGKILL, signal.SIGTERM))
        if chance.choice(workers).send(number):
            course.kills[number.name] += 1


async def _have_ended(stage: Stage) -> bool:
    return not await stage.active_jobs()


async def _are_removed(scene: Scene) -> bool:
    return not await unowned_files(scene)


async def _figures(scene: Scene, course: Course, workers: list[Worker]) -> dict[str, object]:
    jobs = await scene.stage.jobs()
    unowned = await unowned_files(scene)
    return {
        "jobs by end state": _counted(Counter(job.status for job in jobs)),
        "error codes": _counted(Counter(job.error_code for job in jobs if job.error_code)),
        "asked for again with their key": f"{course.replays} replayed",
        "with an image": course.with_images,
        "kills": _counted(course.kills),
        "worker starts": sum(worker.starts for worker in workers),
        "jobs by provider": _counted(Counter(job.provider or "none" for job in jobs)),
        "most accepted for one job": max(scene.accepted_by_prompt().values(), default=0),
        **_figures_of("Veo", scene.veo),
        **_figures_of("Omni", scene.omni),
        **_figures_of_cloudinary(scene.cloudinary, jobs),
        "files that no job owns": _counted(unowned),
        "longest from creation to end": f"{max(map(_seconds, jobs)):.0f} s",
    }


def _figures_of(name: str, double: VeoDouble | OmniDouble) -> dict[str, object]:
    return {
        f"submits to {name}": len(double.submits),
        f"accepted by {name}": len(double.accepted),
        f"polls of {name}": len(double.polls),
        f"failures at {name}": _counted(double.failures),
    }


def _figures_of_cloudinary(cloudinary: CloudinaryDouble, jobs: Sequence[VideoJob]) -> dict[str, object]:
    stored = sum(job.status == VideoJobStatus.SUCCEEDED for job in jobs)
    uploads = sum(upload.resource_type == "video" for upload in cloudinary.uploads)
    return {
        "failures at Cloudinary": _counted(cloudinary.failures),
        "uploads per stored video": f"{uploads / max(stored, 1):.2f} ({uploads} of {stored})",
    }


def _seconds(job: VideoJob) -> float:
    """Return how long the job took, from its creation."""
    return ((job.completed_at or job.updated_at) - job.created_at).total_seconds()


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counter.items())) or "none"


if __name__ == "__main__":
    sys.exit(main())
