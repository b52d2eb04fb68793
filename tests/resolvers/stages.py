"""A job at each stage of its life, brought there by the transitions that workers make."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

from sqlalchemy import func, select, text

from auth.caller import Caller
from db.models import LedgerEntry, LedgerEntryKind, VideoJob, VideoJobStatus
from db.session import Session
from resolvers import generation, submission, video_jobs
from resolvers.generation import KeptVideo
from resolvers.models import FleetLimits
from resolvers.ports import StoredVideo
from resolvers.video_facts import VideoFacts
from tests.house import House

VIDEO = KeptVideo(
    StoredVideo("https://videos.example/made.mp4", "https://videos.example/made.jpg"),
    VideoFacts(duration_seconds=8, size_bytes=1, width=1, height=1, has_audio=False),
    address="https://videos.example/made.mp4",
)

Transition = Callable[[Session, VideoJob], Awaitable[VideoJob]]


@dataclass(frozen=True)
class Stage:
    """Where a job stands after these transitions, and what its owner has by then been given back: 0 or 1 refunds.

    `refunds` is how many there are once the job has been cancelled or deleted.
    """

    name: str
    status: VideoJobStatus
    transitions: Sequence[Transition]
    refunds: int = 0


async def take(session: Session, job: VideoJob) -> VideoJob:
    return await generation.take(session, job, uuid4())


async def wait_for_turn(session: Session, job: VideoJob) -> VideoJob:
    """Take the one turn that is free now for somebody else, then one that comes later."""
    limits = FleetLimits(submits_per_minute=1)
    await session.execute(text("UPDATE submission_pace SET next_at = now() + interval '1 h'"))
    return await submission.begin_in_turn(session, job, limits)


begin = submission.begin


async def record(session: Session, job: VideoJob) -> VideoJob:
    return await submission.record_operation(session, job, f"operations/{job.id}", "the test")


async def put_off(session: Session, job: VideoJob, *, is_certain: bool) -> VideoJob:
    return await submission.put_off(session, job, "not now", timedelta(seconds=30), is_certain=is_certain)


async def interrupt(session: Session, job: VideoJob) -> VideoJob:
    return await submission.begin_anew(session, job, "a fault of its own")


async def succeed(session: Session, job: VideoJob) -> VideoJob:
    return await generation.succeed(session, job, VIDEO)


async def fail(session: Session, job: VideoJob, *, refund: bool) -> VideoJob:
    return await generation.fail(session, job, "STOP", "Stopped by the test", refund=refund)


async def cancel(session: Session, job: VideoJob) -> VideoJob:
    return await video_jobs.cancel(session, Caller(job.user_id, None), job.id)


async def crash(session: Session, job: VideoJob) -> VideoJob:
    """Let whoever was about to do something with the job have died long ago."""
    await session.execute(text(f"UPDATE video_jobs SET updated_at = now() - interval '1 h' WHERE id = '{job.id}'"))  # noqa: S608 - ours
    return job


busy = partial(put_off, is_certain=True)
faulty = partial(put_off, is_certain=False)
keep_charge, refund = partial(fail, refund=False), partial(fail, refund=True)
SENT = (take, begin, record)
PENDING, RUNNING = VideoJobStatus.PENDING, VideoJobStatus.RUNNING

# Nothing was sent: what was charged comes back.
UNSENT = (
    Stage("waiting for a worker", PENDING, (), 1),
    Stage("taken by a worker", PENDING, (take,), 1),
    Stage("waiting for its turn", PENDING, (take, wait_for_turn), 1),
    Stage("put off for the quota", PENDING, (take, begin, busy), 1),
    Stage("put off for the generator's fault", PENDING, (take, begin, faulty), 1),
    Stage("not sent for a fault of ours", PENDING, (take, begin, submission.take_back), 1),
)
# Something was, or may have been.
SPENT = (
    Stage("being sent", PENDING, (take, begin)),
    Stage("left by a crash while being sent", PENDING, (take, begin, crash)),
    Stage("being sent once more", PENDING, (take, begin, busy, take, begin)),
    Stage("being generated", RUNNING, SENT),
    Stage("taken over while being generated", RUNNING, (*SENT, take)),
    Stage("about to be generated a second time", RUNNING, (*SENT, interrupt)),
    Stage("waiting for the turn of its second generation", RUNNING, (*SENT, interrupt, wait_for_turn)),
    Stage("put off before its second generation", RUNNING, (*SENT, interrupt, begin, busy)),
    Stage("being sent a second time", RUNNING, (*SENT, interrupt, begin)),
    Stage("being generated a second time", RUNNING, (*SENT, interrupt, begin, record)),
)
ENDED = (
    Stage("made", VideoJobStatus.SUCCEEDED, (*SENT, succeed)),
    Stage("failed", VideoJobStatus.FAILED, (*SENT, keep_charge)),
    Stage("failed with a refund", VideoJobStatus.FAILED, (*SENT, refund), 1),
    Stage("cancelled while waiting", VideoJobStatus.CANCELLED, (cancel,), 1),
    Stage("cancelled while being sent", VideoJobStatus.CANCELLED, (take, begin, cancel)),
)
ACTIVE = (*UNSENT, *SPENT)


async def job_at(house: House, caller: Caller, stage: Stage) -> VideoJob:
    """Create a job and bring it there, a transaction for each transition."""
    job = await house.job(await house.create(caller))
    for transition in stage.transitions:
        async with house.database.transaction() as session:
            job = await transition(session, job)
    return await house.job(job.id)


async def books(house: House, caller: Caller) -> tuple[int, int]:
    """Return how many charges and refunds of 50 there are; whatever there is adds up to the balance."""
    async with house.database.transaction() as session:
        mine = LedgerEntry.user_id == caller.user_id
        total = await session.scalar(select(func.sum(LedgerEntry.amount)).where(mine))
        kinds = (await session.execute(select(LedgerEntry.kind, LedgerEntry.amount).where(mine))).all()
    assert total == await house.tokens(caller)
    return kinds.count((LedgerEntryKind.CHARGE, -50)), kinds.count((LedgerEntryKind.REFUND, 50))


async def refunds_of(house: House, job_id: UUID) -> int:
    is_refund = LedgerEntry.kind == LedgerEntryKind.REFUND
    return await house.count(LedgerEntry.video_job_id == job_id, is_refund, table=LedgerEntry)
