"""What admins do to many jobs at once: each in a transaction of its own, so that nothing is locked for long."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from auth.caller import AccountStatus, Caller
from auth.errors import AccountNotActive
from db import accounts
from db.engine.paging import Position
from db.engine.statements import Reader, Writer
from db.enums import ACTIVE_STATUSES, AuditAction, VideoJobStatus
from db.video_job_lists import VideoJobFilter
from db.video_jobs import VideoJobRow
from resolvers import video_job_creation, video_jobs
from resolvers.admin_lists import AdminNarrowing, jobs
from resolvers.audit import Act, checked_reason, record
from resolvers.errors import InvalidInput
from resolvers.models import Catalogue
from resolvers.services import Services
from resolvers.video_job_retries import asked_again

MOST_AT_ONCE = 100
RETRYABLE = (VideoJobStatus.FAILED, VideoJobStatus.CANCELLED)
# The same for every admin and at the command line, so that two of them at once retry a job once; an owner who has used
# it for something of their own has not done that.
_KEY = "retried by an admin: {}"
_OPERATION = "retry by an admin"


@dataclass(frozen=True)
class Batch:
    """The jobs that one call is about, and how many match the filter in all, counted as lists are."""

    matched: int
    jobs: Sequence[VideoJobRow]
    has_next: bool


@dataclass(frozen=True, kw_only=True)
class BulkOrder:
    """What an admin asks for, as they write it. `after` is where an earlier call ended."""

    narrowing: AdminNarrowing
    limit: int
    after: Position | None
    reason: str | None

    def checked(self, caller: Caller, catalogue: Catalogue) -> VideoJobFilter:
        """Return which jobs are meant.

        Raises AdminRequired, and InvalidInput: also where nothing says which.
        """
        wanted = jobs(caller, self.narrowing, catalogue)
        checked_reason(self.reason)
        if not 1 <= self.limit <= MOST_AT_ONCE:
            raise InvalidInput(f"limit must be 1 to {MOST_AT_ONCE}", field="limit")
        if not wanted.names:
            raise InvalidInput("Say which video jobs: the filter must not be empty", field="filter")
        if self.narrowing.search is not None and wanted.search is None:
            raise InvalidInput("search must not be blank; null stands for any", field="search")
        return wanted


async def to_cancel(reader: Reader, caller: Caller, order: BulkOrder, catalogue: Catalogue, *, dry_run: bool) -> Batch:
    """Find jobs in progress, newest first; none to be cancelled in a dry run; raises AdminRequired, InvalidInput."""
    return await _batch(reader, _of(order.checked(caller, catalogue), ACTIVE_STATUSES), order, dry_run=dry_run)


async def to_retry(reader: Reader, caller: Caller, order: BulkOrder, catalogue: Catalogue, *, dry_run: bool) -> Batch:
    """Find failed jobs, or cancelled ones where these are asked for, that no admin has retried yet; as `to_cancel`."""
    wanted = order.checked(caller, catalogue)
    if wanted.statuses is None:
        wanted = replace(wanted, statuses=(VideoJobStatus.FAILED,))
    return await _batch(reader, replace(_of(wanted, RETRYABLE), never_retried=True), order, dry_run=dry_run)


async def cancel(writer: Writer, caller: Caller, job: VideoJobRow, reason: str | None) -> None:
    """Cancel one of a batch, as its owner could; raises VideoJobNotFound, VideoJobNotCancellable."""
    caller.require_admin()
    reason = checked_reason(reason)
    await video_jobs.cancel(writer, caller, job.id, reason=reason)
    if job.user_id == caller.user_id:
        # As one of many it is an admin's act, also where it happens to be their own.
        await record(writer, caller, Act(AuditAction.CANCEL_VIDEO_JOB, job.user_id, job.id, reason))


async def retry(services: Services, caller: Caller, job: VideoJobRow, reason: str | None) -> UUID:
    """Create a job like one of a batch for its owner, charged as any other; return its id. Twice is once.

    Raises:
        AdminRequired, and whatever `asked_again` names
        AccountNotActive: its owner could not create it
        InvalidInput: it has not failed, nor was it cancelled; its owner would pay for a second video

    """
    caller.require_admin()
    if job.status not in RETRYABLE:
        raise InvalidInput(f"Failed and cancelled jobs are created anew; this one is {job.status}")
    state = await accounts.state(services.database.reader, job.user_id)
    if state is not None and state.status != AccountStatus.ACTIVE:
        raise AccountNotActive(state.status)
    owner = Caller(job.user_id, None)
    async with (
        asked_again(services, owner, job.id, idempotency_key=_KEY.format(job.id), operation=_OPERATION) as asked,
        services.database.transaction() as transaction,
    ):
        created = await video_job_creation.create(transaction, owner, asked, services.catalogue)
        if not created.replayed:
            details = f"New video job {created.job.id}"
            act = Act(AuditAction.RETRY_VIDEO_JOB, job.user_id, job.id, checked_reason(reason), details)
            await record(transaction, caller, act)
    return created.job.id


def _of(wanted: VideoJobFilter, possible: Sequence[VideoJobStatus]) -> VideoJobFilter:
    asked = possible if wanted.statuses is None else wanted.statuses
    return replace(wanted, statuses=tuple(status for status in asked if status in possible))


async def _batch(reader: Reader, wanted: VideoJobFilter, order: BulkOrder, *, dry_run: bool) -> Batch:
    matched = await wanted.total(reader)
    if dry_run:
        return Batch(matched, (), has_next=False)
    page = await wanted.page(reader, first=order.limit, after=order.after)
    return Batch(matched, page.rows, page.has_next)
