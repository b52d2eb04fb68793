"""Video jobs as their owners see them: creating one, and reading them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from auth.caller import Caller
from db import accounts, looks, queue, video_jobs
from db.models import LedgerEntryKind, LogLevel, Look, User, VideoJob, VideoJobLog
from db.pages import Page, Position
from db.session import Session
from resolvers.accounts import lock_account
from resolvers.errors import (
    ActiveJobLimit,
    GenerationUnavailable,
    IdempotencyKeyReused,
    InsufficientTokens,
    InvalidLook,
    VideoJobNotFound,
)
from resolvers.grouping import grouped
from resolvers.video_job_input import VideoJobInput

# What an operation costs in tokens, and how many jobs one user may have in progress (seed, contract.md).
COSTS = {"video_generation": 50}
OPERATION = "video_generation"
ACTIVE_JOB_LIMIT = 3
IDEMPOTENCY_KEYS_LAST = timedelta(hours=24)


@dataclass(frozen=True)
class CreatedVideoJob:
    """A job that was created, or that an earlier request with the same idempotency key had created."""

    job: VideoJob
    replayed: bool


async def create(session: Session, caller: Caller, asked: VideoJobInput, *, real_generation: bool) -> CreatedVideoJob:
    """Check, charge, write and queue a job in the caller's transaction.

    Every check comes before the charge, in the order of contract.md; the account's row lock keeps two requests of one
    user from passing the same check. `real_generation` says whether the operator has configured a generator.

    Raises:
        InvalidInput, GenerationUnavailable, IdempotencyKeyReused, InvalidLook, ActiveJobLimit, InsufficientTokens

    """
    request = asked.checked()
    if not request.mock_mode and not real_generation:
        raise GenerationUnavailable
    account = await lock_account(session, caller)
    earlier = await _replay(session, caller, request)
    if earlier is not None:
        return CreatedVideoJob(earlier, replayed=True)
    look_id = await _own_look(session, caller, request.look_id)
    await _require_free_slot(session, caller)
    _require_tokens(account)
    return CreatedVideoJob(await _write(session, caller, request, look_id), replayed=False)


async def get(session: Session, caller: Caller, job_id: UUID) -> VideoJob:
    """Read one job of the caller's; admins read anybody's.

    Raises:
        VideoJobNotFound

    """
    job = await video_jobs.get(session, job_id)
    if job is None or not (caller.is_admin or job.user_id == caller.user_id):
        raise VideoJobNotFound
    return job


async def page(session: Session, caller: Caller, *, first: int, after: Position | None) -> Page[VideoJob]:
    """Read a page of the caller's own jobs, newest first."""
    return await video_jobs.page_of_owner(session, caller.user_id, first=first, after=after)


async def logs_by_job(session: Session, job_ids: Sequence[UUID]) -> dict[UUID, list[VideoJobLog]]:
    """Read the logs of jobs that the caller was let read, oldest line first."""
    return grouped((line.video_job_id, line) for line in await video_jobs.logs_of(session, job_ids))


async def looks_by_job(session: Session, job_ids: Sequence[UUID]) -> dict[UUID, list[Look]]:
    """Read the looks that show the jobs that the caller was let read."""
    return grouped((found.video_job_id, found.look) for found in await looks.of_video_jobs(session, job_ids))


async def _replay(session: Session, caller: Caller, request: VideoJobInput) -> VideoJob | None:
    if request.idempotency_key is None:
        return None
    key = request.idempotency_key
    known = await video_jobs.get_idempotency_key(session, caller.user_id, key, IDEMPOTENCY_KEYS_LAST)
    if known is None:
        return None
    if known.request_digest != request.digest():
        raise IdempotencyKeyReused
    return await video_jobs.get(session, known.video_job_id)


async def _own_look(session: Session, caller: Caller, look_id: str | None) -> UUID | None:
    if look_id is None:
        return None
    try:
        look = await looks.get_owned(session, UUID(look_id), caller.user_id)
    except ValueError:
        look = None
    if look is None:
        raise InvalidLook
    return look.id


async def _require_free_slot(session: Session, caller: Caller) -> None:
    active = await video_jobs.active_ids(session, caller.user_id)
    if len(active) >= ACTIVE_JOB_LIMIT:
        raise ActiveJobLimit(ACTIVE_JOB_LIMIT, active)


def _require_tokens(account: User) -> None:
    if account.tokens < COSTS[OPERATION]:
        raise InsufficientTokens(OPERATION, COSTS[OPERATION], account.tokens)


async def _write(session: Session, caller: Caller, request: VideoJobInput, look_id: UUID | None) -> VideoJob:
    cost = COSTS[OPERATION]
    job = VideoJob(
        id=uuid7(),
        user_id=caller.user_id,
        prompt=request.prompt,
        model=request.model,
        resolution=request.resolution,
        aspect_ratio=request.aspect_ratio,
        duration_seconds=request.duration_seconds,
        generate_audio=request.generate_audio,
        mock_mode=request.mock_mode,
        status_message=status_message("Waiting for a worker", mock_mode=request.mock_mode),
        tokens_consumed=cost,
    )
    await video_jobs.add(session, job, look_id)
    await accounts.change_balance(session, caller.user_id, LedgerEntryKind.CHARGE, -cost, video_job_id=job.id)
    if request.idempotency_key is not None:
        digest = request.digest()
        await video_jobs.put_idempotency_key(session, caller.user_id, request.idempotency_key, digest, job.id)
    await video_jobs.add_log(session, job.id, LogLevel.INFO, f"Video job created, {cost} tokens charged")
    await queue.enqueue(session, [job.id])
    return job


def status_message(text: str, *, mock_mode: bool) -> str:
    """Say what a job is doing; a mock job says that it is one (contract.md)."""
    return f"{text} (Mock Mode)" if mock_mode else text
