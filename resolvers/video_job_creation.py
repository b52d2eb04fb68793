"""Creating a video job: one list of rules, which a creation obeys and a quote reports."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from auth.caller import Caller
from db import accounts, file_removals, look_videos, looks, queue, video_job_images, video_jobs
from db.models import LedgerEntryKind, LogLevel, User, VideoJob, VideoJobImage, VideoJobStatus
from db.session import Session
from resolvers.accounts import lock_account, open_account
from resolvers.errors import (
    ActiveJobLimit,
    GenerationUnavailable,
    IdempotencyKeyReused,
    InsufficientTokens,
    InvalidLook,
    LookVideosNotMigrated,
    Refusal,
    VideoJobImagesRemoved,
)
from resolvers.models import Catalogue
from resolvers.prices import VIDEO_COST, VIDEO_GENERATION
from resolvers.video_job_input import VideoJobInput
from resolvers.video_jobs import FIRST_VERSION, get, status_message

# How many jobs one user may have in progress (seed, 'Concurrent Job Limit').
ACTIVE_JOB_LIMIT = 3
IDEMPOTENCY_KEYS_LAST = timedelta(hours=24)
FIRST_STATUS_MESSAGE = "Waiting for a worker"


@dataclass(frozen=True)
class CreatedVideoJob:
    """A job as it was created, now or by an earlier request with the same idempotency key.

    `free_slots` is how many more jobs the caller may have in progress now.
    """

    job: VideoJob
    replayed: bool
    free_slots: int


@dataclass(frozen=True)
class VideoJobQuote:
    """What a request would cost, what there is, and every rule that it breaks, in the order of the checks."""

    cost: int
    balance: int
    free_slots: int
    refusals: list[Refusal]


async def create(session: Session, caller: Caller, asked: VideoJobInput, catalogue: Catalogue) -> CreatedVideoJob:
    """Check, charge, write and queue a job in the caller's transaction.

    Every check comes before the charge, in the order of contract.md; the account's row lock keeps two requests of one
    user from passing the same check. Images have been stored before (`resolvers.video_job_images`).

    Raises:
        InvalidInput, GenerationUnavailable, IdempotencyKeyReused, InvalidLook, LookVideosNotMigrated, ActiveJobLimit,
        InsufficientTokens

    """
    request = asked.normalised()
    earlier = await check(session, caller, request, catalogue)
    job = earlier or await _write(session, caller, request, catalogue)
    return CreatedVideoJob(job, earlier is not None, await _free_slots(session, caller.user_id))


async def check(session: Session, caller: Caller, request: VideoJobInput, catalogue: Catalogue) -> VideoJob | None:
    """Lock the account and raise what stands in the way of a normalised request, as `create` does.

    Return the job as it was created where an earlier request with the same idempotency key has made it already.
    """
    for refusal in _refusals_of_fields(request, catalogue):
        raise refusal
    account = await lock_account(session, caller)
    earlier = await _replay(session, caller, request)
    if earlier is None:
        async for refusal in _refusals_of_account(session, account, request, catalogue):
            raise refusal
    return earlier


async def retry(
    session: Session, caller: Caller, job_id: UUID, catalogue: Catalogue, *, idempotency_key: str | None
) -> CreatedVideoJob:
    """Create a new job, charged as such, with what an earlier one of the caller's asked for, in the same look.

    Raises:
        VideoJobNotFound, VideoJobImagesRemoved, and whatever `create` raises.

    """
    job = await get(session, caller, job_id)
    if await video_job_images.of_job(session, job.id):
        raise VideoJobImagesRemoved
    shown_in = await look_videos.looks_of_jobs(session, [job.id])
    look_id = shown_in[0].id if shown_in else None
    asked = replace(_asked_for(job), look_id=look_id, idempotency_key=idempotency_key)
    return await create(session, caller, asked, catalogue)


async def quote(session: Session, caller: Caller, asked: VideoJobInput, catalogue: Catalogue) -> VideoJobQuote:
    """Tell what `create` would say, without creating anything."""
    request = asked.normalised()
    account = await open_account(session, caller)
    refusals = list(_refusals_of_fields(request, catalogue))
    refusals += [refusal async for refusal in _refusals_of_account(session, account, request, catalogue)]
    free_slots = await _free_slots(session, account.id)
    return VideoJobQuote(_cost(request, catalogue), account.tokens, free_slots, refusals)


def _refusals_of_fields(request: VideoJobInput, catalogue: Catalogue) -> Iterator[Refusal]:
    yield from request.violations(catalogue)
    if not request.mock_mode and not catalogue.real_generation:
        yield GenerationUnavailable()


def _cost(request: VideoJobInput, catalogue: Catalogue) -> int:
    model = catalogue.models.get(request.model)
    return VIDEO_COST if model is None else model.cost


async def _refusals_of_account(
    session: Session, account: User, request: VideoJobInput, catalogue: Catalogue
) -> AsyncIterator[Refusal]:
    if request.look_id is not None:
        if not await look_videos.exist(session):
            yield LookVideosNotMigrated()
        elif not await _owns_look(session, account.id, request.look_id):
            yield InvalidLook()
    active = await video_jobs.active_ids(session, account.id)
    if len(active) >= ACTIVE_JOB_LIMIT:
        yield ActiveJobLimit(ACTIVE_JOB_LIMIT, active)
    cost = _cost(request, catalogue)
    if account.tokens < cost:
        yield InsufficientTokens(VIDEO_GENERATION, cost, account.tokens)


async def _free_slots(session: Session, user_id: UUID) -> int:
    return max(0, ACTIVE_JOB_LIMIT - len(await video_jobs.active_ids(session, user_id)))


async def _owns_look(session: Session, user_id: UUID, look_id: str) -> bool:
    try:
        return await looks.get_owned(session, UUID(look_id), user_id) is not None
    except ValueError:
        return False


async def _replay(session: Session, caller: Caller, request: VideoJobInput) -> VideoJob | None:
    """Return the first answer to the caller's key again: the job as it was when it was created."""
    if request.idempotency_key is None:
        return None
    key = request.idempotency_key
    known = await video_jobs.get_idempotency_key(session, caller.user_id, key, IDEMPOTENCY_KEYS_LAST)
    if known is None:
        return None
    if known.request_digest != request.digest():
        raise IdempotencyKeyReused
    job = await video_jobs.get(session, known.video_job_id)
    return None if job is None else _as_created(job)


def _as_created(job: VideoJob) -> VideoJob:
    """Copy what never changes of a job, and give the rest its first value again."""
    first = _new_job(job.id, job.user_id, _asked_for(job), job.tokens_consumed)
    first.status, first.progress_percentage, first.version = VideoJobStatus.PENDING, 0, FIRST_VERSION
    first.progress_is_estimated = False
    first.created_at = first.updated_at = job.created_at
    return first


def _asked_for(job: VideoJob) -> VideoJobInput:
    return VideoJobInput(
        prompt=job.prompt,
        model=job.model,
        resolution=job.resolution,
        aspect_ratio=job.aspect_ratio,
        duration_seconds=job.duration_seconds,
        generate_audio=job.generate_audio,
        mock_mode=job.mock_mode,
    )


def _new_job(job_id: UUID, user_id: UUID, request: VideoJobInput, cost: int) -> VideoJob:
    return VideoJob(
        id=job_id,
        user_id=user_id,
        prompt=request.prompt,
        model=request.model,
        resolution=request.resolution,
        aspect_ratio=request.aspect_ratio,
        duration_seconds=request.duration_seconds,
        generate_audio=request.generate_audio,
        mock_mode=request.mock_mode,
        status_message=status_message(FIRST_STATUS_MESSAGE, mock_mode=request.mock_mode),
        tokens_consumed=cost,
    )


async def _write(session: Session, caller: Caller, request: VideoJobInput, catalogue: Catalogue) -> VideoJob:
    cost = _cost(request, catalogue)
    job = _new_job(uuid7(), caller.user_id, request, cost)
    await video_jobs.add(session, job)
    if request.look_id is not None:
        await look_videos.add(session, UUID(request.look_id), job.id)
    if request.images:
        await _own_images(session, job, request)
    await accounts.change_balance(session, caller.user_id, LedgerEntryKind.CHARGE, -cost, video_job_id=job.id)
    if request.idempotency_key is not None:
        digest = request.digest()
        await video_jobs.put_idempotency_key(session, caller.user_id, request.idempotency_key, digest, job.id)
    await video_jobs.add_log(session, job.id, LogLevel.INFO, f"Video job created, {cost} tokens charged")
    await queue.enqueue(session, [job.id])
    return job


async def _own_images(session: Session, job: VideoJob, request: VideoJobInput) -> None:
    """Make the stored images the job's; until here they were to be removed."""
    rows = [
        VideoJobImage(
            video_job_id=job.id,
            role=image.role,
            position=image.position,
            address=image.address,
            media_type=image.media_type,
        )
        for image in request.images
    ]
    await video_job_images.add(session, rows)
    await file_removals.withdraw(session, [image.removal_address for image in request.images])
