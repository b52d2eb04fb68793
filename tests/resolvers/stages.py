"""A job at each stage of its life, brought there by the transitions that workers make."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

from sqlalchemy import func, select

from auth.caller import Caller
from db.engine.statements import Writer
from db.enums import LedgerEntryKind, VideoJobStatus
from db.tables import LedgerEntry
from db.video_jobs import JobRow
from media.video_properties import VideoProperties
from resolvers import generation, submission, video_jobs
from resolvers.generation import KeptVideo
from resolvers.models import MOCK, Provider
from resolvers.ports import StoredVideo
from tests.house import House

VIDEO = KeptVideo(
    StoredVideo("https://videos.example/made.mp4", "https://videos.example/made.jpg"),
    VideoProperties(duration_seconds=8, size_bytes=1, width=1, height=1, has_audio=False),
    address="https://videos.example/made.mp4",
)

Transition = Callable[[Writer, JobRow], Awaitable[JobRow]]


@dataclass(frozen=True)
class Stage:
    """Where a job stands after these transitions, and what its owner has by then been given back: 0 or 1 refunds.

    `refunds` is how many there are once the job has been cancelled or deleted.
    """

    name: str
    status: VideoJobStatus
    transitions: Sequence[Transition]
    refunds: int = 0


async def take(writer: Writer, job: JobRow) -> JobRow:
    return await generation.take(writer, job, uuid4())


async def wait_for_turn(writer: Writer, job: JobRow) -> JobRow:
    """Take the one turn that is free now for somebody else, then one that comes later."""
    await writer.send(
        "INSERT INTO submission_pace (provider, next_at) VALUES ('mock', now() + interval '1 h') "
        "ON CONFLICT (provider) DO UPDATE SET next_at = excluded.next_at"
    )
    return await submission.begin_in_turn(writer, job, Provider(MOCK, 1))


async def begin(writer: Writer, job: JobRow) -> JobRow:
    return await submission.begin(writer, job, MOCK)


async def record(writer: Writer, job: JobRow) -> JobRow:
    return await submission.record_operation(writer, job, f"operations/{job.id}", "the test")


async def defer(writer: Writer, job: JobRow, *, is_certain: bool) -> JobRow:
    return await submission.defer(writer, job, "not now", timedelta(seconds=30), is_certain=is_certain)


async def interrupt(writer: Writer, job: JobRow) -> JobRow:
    return await submission.begin_anew(writer, job, "a fault of its own")


async def succeed(writer: Writer, job: JobRow) -> JobRow:
    return await generation.succeed(writer, job, VIDEO)


async def fail(writer: Writer, job: JobRow, *, refund: bool) -> JobRow:
    return await generation.fail(writer, job, "STOP", "Stopped by the test", refund=refund)


async def cancel(writer: Writer, job: JobRow) -> JobRow:
    return await video_jobs.cancel(writer, Caller(job.user_id, None), job.id)


async def crash(writer: Writer, job: JobRow) -> JobRow:
    """Let whoever was about to do something with the job have died long ago."""
    await writer.send("UPDATE video_jobs SET updated_at = now() - interval '1 h' WHERE id = $1", job.id)
    return job


busy = partial(defer, is_certain=True)
faulty = partial(defer, is_certain=False)
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


async def job_at(house: House, caller: Caller, stage: Stage) -> JobRow:
    """Create a job and bring it there, a transaction for each transition."""
    job = await house.job(await house.create(caller))
    for transition in stage.transitions:
        async with house.database.transaction() as writer:
            job = await transition(writer, job)
    return await house.job(job.id)


async def books(house: House, caller: Caller) -> tuple[int, int]:
    """Return how many charges and refunds of 50 there are; whatever there is adds up to the balance."""
    async with house.database.session() as session:
        mine = LedgerEntry.user_id == caller.user_id
        total = await session.scalar(select(func.sum(LedgerEntry.amount)).where(mine))
        kinds = (await session.execute(select(LedgerEntry.kind, LedgerEntry.amount).where(mine))).all()
    assert total == await house.tokens(caller)
    return kinds.count((LedgerEntryKind.CHARGE, -50)), kinds.count((LedgerEntryKind.REFUND, 50))


async def refunds_of(house: House, job_id: UUID) -> int:
    is_refund = LedgerEntry.kind == LedgerEntryKind.REFUND
    return await house.count(LedgerEntry.video_job_id == job_id, is_refund, table=LedgerEntry)
