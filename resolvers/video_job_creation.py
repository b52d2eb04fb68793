"""Creating a video job: one list of rules, which a creation obeys and a quote reports."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from auth.caller import Caller
from db import (
    creations,
    file_removals,
    ledger,
    queue,
    submission_pace,
    video_job_images,
    video_jobs,
)
from db.accounts import Account
from db.creations import Creation, NewVideoJob, Standing
from db.engine.statements import Reader, Writer
from db.enums import LogLevel
from db.ledger import Entry
from db.video_jobs import VideoJobRow
from resolvers.accounts import charge_entry, get_or_create_account, lock_account
from resolvers.errors import (
    ActiveJobLimit,
    GenerationSuspended,
    GenerationUnavailable,
    InsufficientTokens,
    InvalidLook,
    LookVideosNotMigrated,
    Paused,
    PriceChanged,
    QueueFull,
    Refusal,
    VideoJobDeleted,
)
from resolvers.idempotency import checked_key, earlier, keep
from resolvers.limits import ceiling_reached, handicap, quota_reached
from resolvers.models import Catalogue, status_message
from resolvers.policy import VIDEO_GENERATION, VideoCost
from resolvers.texts import id_or_nothing
from resolvers.video_job_input import VideoJobInput
from resolvers.video_jobs import FirstLine

# How much of a prompt the ledger shows.
LONGEST_PROMPT_SHOWN = 100
FIRST_STATUS_MESSAGE = "Waiting for a worker"


@dataclass(frozen=True)
class CreatedVideoJob:
    """A job as it was created, now or by an earlier request with the same idempotency key.

    `free_slots` of `slots` is how many more jobs the caller may have in progress now; of one created now, `first_line`
    is its log, and `in_look` says whether a look shows it.
    """

    job: VideoJobRow
    free_slots: int
    slots: int
    first_line: FirstLine | None
    in_look: bool = False

    @property
    def replayed(self) -> bool:
        """Whether an earlier request has created it."""
        return self.first_line is None


@dataclass(frozen=True)
class VideoJobQuote:
    """What a request would cost by which rule of the policy, what there is, and all that it breaks, in order."""

    cost: int
    rule: str
    balance: int
    free_slots: int
    refusals: list[Refusal]


async def create(writer: Writer, caller: Caller, asked: VideoJobInput, catalogue: Catalogue) -> CreatedVideoJob:
    """Check, charge, write and queue a job in the caller's transaction.

    Every check comes before the charge, in the order of contract.md; the account's row lock keeps two requests of one
    user from passing the same check. Images have been stored before (`resolvers.video_job_images`).

    Raises:
        InvalidInput, GenerationUnavailable, IdempotencyKeyReused, GenerationSuspended, InvalidLook,
        LookVideosNotMigrated, ActiveJobLimit, InsufficientTokens, PriceChanged, SpendingCeiling, Paused,
        VideoJobDeleted, NoWorker, QueueFull, StorageQuota

    """
    request = asked.normalised()
    account, active, replay = await check(writer, caller, request, catalogue)
    tier = catalogue.policy.tier(account.tier)
    free_slots = max(0, tier.slots - active)
    if replay is not None:
        return CreatedVideoJob(replay, free_slots, tier.slots, None)
    # What the ledger says of it (contract.md, 'Tokens').
    described = "Video generation" + (f": {request.prompt[:LONGEST_PROMPT_SHOWN]}" if request.prompt else "")
    charge = charge_entry(caller, tier, _cost(request, catalogue).tokens, VIDEO_GENERATION, described)
    later = handicap(account, active, catalogue.policy)
    job = await _write(writer, caller, request, charge, later)
    if request.images:
        await _own_images(writer, job.id, request, catalogue.inputs_kept)
    line = FirstLine(job.logged_at, LogLevel.INFO, _first_message(charge))
    return CreatedVideoJob(job, free_slots - 1, tier.slots, line, in_look=request.look_id is not None)


async def check(
    writer: Writer, caller: Caller, request: VideoJobInput, catalogue: Catalogue
) -> tuple[Account, int, VideoJobRow | None]:
    """Lock the account and raise what stands in the way of a normalised request, as `create` does.

    Return the account, how many jobs it has in progress, and the job that there is already: a request that repeats an
    earlier one by its idempotency key is let pass with the job as that one has made it, also where what it asks for is
    not offered any more.
    """
    refused = next(_refusals_of_fields(request, catalogue), None)
    if refused and checked_key(request.idempotency_key) is None:
        raise refused
    policy = catalogue.policy
    account = await lock_account(writer, caller, policy)
    most_waiting = policy.queue.most_waiting
    standing = await creations.standing(writer, account.id, id_or_nothing(request.look_id), most_waiting)
    replay = await _replay(writer, caller, request)
    if replay is None:
        if refused:
            raise refused
        if policy.ceilings.house_tokens_a_day is not None:
            # Keeps other creations from passing the house's ceiling beside this one, until the transaction ends.
            await ledger.lock_spending(writer)
        async for refusal in _refusals_of_account(writer, account, standing, request, catalogue):
            raise refusal
    return account, len(standing.active), replay


async def quote(writer: Writer, caller: Caller, asked: VideoJobInput, catalogue: Catalogue) -> VideoJobQuote:
    """Tell what `create` would say, without creating anything."""
    request = asked.normalised()
    account = await get_or_create_account(writer, caller, catalogue.policy)
    most_waiting = catalogue.policy.queue.most_waiting
    standing = await creations.standing(writer, account.id, id_or_nothing(request.look_id), most_waiting)
    refusals = list(_refusals_of_fields(request, catalogue))
    refusals += [refusal async for refusal in _refusals_of_account(writer, account, standing, request, catalogue)]
    free_slots = max(0, catalogue.policy.tier(account.tier).slots - len(standing.active))
    return VideoJobQuote(*_cost(request, catalogue), account.tokens, free_slots, refusals)


def _refusals_of_fields(request: VideoJobInput, catalogue: Catalogue) -> Iterator[Refusal]:
    yield from request.violations(catalogue)
    if not request.mock_mode and catalogue.provider_of(request.model).unavailable is not None:
        yield GenerationUnavailable()


def _cost(request: VideoJobInput, catalogue: Catalogue) -> VideoCost:
    return catalogue.policy.video_cost(
        model=request.model,
        resolution=request.resolution,
        seconds=request.duration_seconds,
        sound=request.generate_audio,
        mock=request.mock_mode,
    )


async def _refusals_of_account(
    reader: Reader, account: Account, standing: Standing, request: VideoJobInput, catalogue: Catalogue
) -> AsyncIterator[Refusal]:
    async for refusal in _refusals_of_house(reader, standing, request, catalogue):
        yield refusal
    if request.look_id is not None:
        if not standing.looks_show_videos:
            yield LookVideosNotMigrated()
        elif not standing.owns_look:
            yield InvalidLook()
    tier, cost = catalogue.policy.tier(account.tier), _cost(request, catalogue).tokens
    if request.expected_cost not in {None, cost}:
        yield PriceChanged(request.expected_cost or 0, cost)
    if len(standing.active) >= tier.slots:
        yield ActiveJobLimit(tier.slots, standing.active)
    size = sum(image.size_bytes for image in request.images)
    if quota := await quota_reached(reader, account.id, catalogue.policy.quotas, stored_bytes=size):
        yield quota
    if ceiling := await ceiling_reached(reader, account, cost, catalogue.policy.ceilings):
        yield ceiling
    if account.tokens < cost and not tier.unlimited:
        yield InsufficientTokens(VIDEO_GENERATION, cost, account.tokens)


async def _refusals_of_house(
    reader: Reader, standing: Standing, request: VideoJobInput, catalogue: Catalogue
) -> AsyncIterator[Refusal]:
    if standing.paused is not None:
        yield Paused(standing.paused)
    elif standing.paused_real is not None and not request.mock_mode:
        yield Paused(standing.paused_real, real_only=True)
    if no_worker := catalogue.worker_watch.refusal(standing.silent_seconds):
        yield no_worker
    # Creations side by side may pass by a few.
    if 0 < catalogue.policy.queue.most_waiting <= standing.waiting:
        yield QueueFull()
    provider = catalogue.provider_of(request.model)
    if not request.mock_mode and provider.unavailable is None:
        others = [model.id for model in catalogue.models.values() if model.provider != provider.name]
        if await submission_pace.is_suspended(reader, provider.name, others):
            yield GenerationSuspended()


async def _replay(reader: Reader, caller: Caller, request: VideoJobInput) -> VideoJobRow | None:
    """Return the first answer to the caller's key again: the job as it was when it was created."""
    if request.idempotency_key is None:
        return None
    known = await earlier(reader, caller, request.idempotency_key, request.digest())
    if known is None or known.video_job_id is None:
        return None
    messages = (status_message(FIRST_STATUS_MESSAGE, mock_mode=mock_mode) for mock_mode in (False, True))
    job = await video_jobs.get_as_created(reader, known.video_job_id, caller.user_id, *messages)
    if job is None:
        raise VideoJobDeleted
    return job


def _first_message(charge: Entry) -> str:
    return f"Video job created, {-charge.amount} tokens charged"


async def _write(
    writer: Writer, caller: Caller, request: VideoJobInput, charge: Entry, later: timedelta
) -> NewVideoJob:
    job_id, look_id = uuid7(), None if request.look_id is None else UUID(request.look_id)
    text = status_message(FIRST_STATUS_MESSAGE, mock_mode=request.mock_mode)
    new = Creation(job_id, caller.user_id, request, text, charge, _first_message(charge), look_id, later)
    job = await creations.write(writer, new)
    if request.idempotency_key is not None:
        await keep(writer, caller, request.idempotency_key, request.digest(), job_id=job_id)
    await queue.enqueue(writer, [job_id], [job.queue_at])
    return job


async def _own_images(writer: Writer, job_id: UUID, request: VideoJobInput, kept_for: timedelta) -> None:
    """Make the stored images the job's; until here they were to be removed."""
    columns = ("role", "position", "address", "media_type", "size_bytes")
    images = [{name: getattr(image, name) for name in columns} | {"kept_for": kept_for} for image in request.images]
    await video_job_images.add(writer, job_id, images)
    await file_removals.withdraw(writer, [image.removal_address for image in request.images])
