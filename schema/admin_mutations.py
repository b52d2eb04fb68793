"""What admins do to everybody: pauses of creations, many video jobs at once, and accounts."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import strawberry

from auth.caller import AccountStatus
from auth.errors import AccountNotActive
from db.enums import PauseScope
from db.video_jobs import VideoJobRow
from resolvers import accounts, bulk, pauses
from resolvers.bulk import MOST_AT_ONCE, Batch, BulkOrder
from resolvers.errors import InvalidInput, Refusal
from schema.admin_types import AdminPause, AdminVideoJobFilter
from schema.connections import cursor_of, position_of
from schema.context import Info, mutation
from schema.errors import AdminVideoJobsError, PauseError, SetAccountStatusError


@strawberry.input(description="Which video jobs, and how many of them at once.")
class AdminVideoJobsInput:
    """The input of the mutations about many jobs."""

    filter: AdminVideoJobFilter = strawberry.field(description="Which jobs; it must not be empty")
    dry_run: bool | None = strawberry.field(
        default=False, description="Tell how many there are, and do nothing; not null"
    )
    limit: int | None = strawberry.field(
        default=MOST_AT_ONCE, description=f"How many at most, 1 to {MOST_AT_ONCE}, the newest first"
    )
    after: str | None = strawberry.field(
        default=None, description="`endCursor` of the call before, to go on from there"
    )
    reason: str | None = strawberry.field(default=None, description="Why; for the audit log")

    def order(self) -> BulkOrder:
        """Return what is to be done."""
        limit = MOST_AT_ONCE if self.limit is None else self.limit
        after = None if self.after is None else position_of(self.after)
        return BulkOrder(narrowing=self.filter.narrowing(), limit=limit, after=after, reason=self.reason)

    def is_dry(self) -> bool:
        """Return whether nothing is to be done.

        Raises InvalidInput: for null, which is the default everywhere else, and might have been meant to be true here.
        """
        if self.dry_run is None:
            raise InvalidInput("dryRun must be true or false", field="dryRun")
        return self.dry_run


@strawberry.type(description="What became of one video job.")
class AdminVideoJobResult:
    """One of `AdminVideoJobsPayload.results`."""

    video_job_id: strawberry.ID = strawberry.field(description="The job")
    new_video_job_id: strawberry.ID | None = strawberry.field(
        description="The job that was created of it", default=None
    )
    code: str | None = strawberry.field(default=None, description="Why nothing was done; null where it was")
    message: str | None = strawberry.field(default=None, description="The same for a person")


@strawberry.type(description="What was done to many video jobs, or why nothing was.")
class AdminVideoJobsPayload:
    """The answer of `adminCancelVideoJobs` and `adminRetryVideoJobs`."""

    matched: int | None = strawberry.field(
        default=None, description="How many jobs there were to do it to, in all; null where there are errors"
    )
    changed: int = strawberry.field(default=0, description="To how many it was done; 0 in a dry run")
    results: list[AdminVideoJobResult] = strawberry.field(default_factory=list, description="What became of each job")
    end_cursor: str | None = strawberry.field(default=None, description="Where this call has ended")
    has_next_page: bool = strawberry.field(default=False, description="Whether there are jobs behind that")
    errors: list[AdminVideoJobsError] = strawberry.field(default_factory=list, description="Why nothing was done")


@strawberry.input(description="Which creations are to be refused.")
class PauseCreationsInput:
    """The input of `pauseCreations`."""

    reason: str = strawberry.field(description="Why, as whoever is refused reads it, and for the audit log")
    scope: PauseScope | None = strawberry.field(description="Which creations; null for all", default=None)


@strawberry.input(description="The end of all pauses.")
class ResumeCreationsInput:
    """The input of `resumeCreations`."""

    reason: str | None = strawberry.field(description="Why; for the audit log", default=None)


@strawberry.type(description="The pauses, or why nothing was changed.")
class PausePayload:
    """The answer of `pauseCreations` and `resumeCreations`."""

    pauses: list[AdminPause] | None = strawberry.field(
        default=None, description="Those that there are now, or that have just ended; null where there are errors"
    )
    errors: list[PauseError] = strawberry.field(default_factory=list, description="Why nothing was changed")


@strawberry.input(description="Whether an account may act.")
class SetAccountStatusInput:
    """The input of `setAccountStatus`."""

    user_id: strawberry.ID = strawberry.field(description="Whose account")
    status: AccountStatus = strawberry.field(
        description="ACTIVE lets it act where its tokens do; anything else locks it out within seconds"
    )
    reason: str | None = strawberry.field(default=None, description="Why; for the audit log")


@strawberry.type(description="The status that the account has now, or why it was not changed.")
class SetAccountStatusPayload:
    """The answer of `setAccountStatus`."""

    status: AccountStatus | None = strawberry.field(default=None, description="Null where there are errors")
    errors: list[SetAccountStatusError] = strawberry.field(default_factory=list, description="Why nothing was changed")


@strawberry.type
class AdminMutations:
    """Fields of `Mutation`."""

    @mutation
    async def set_account_status(self, info: Info, asked: SetAccountStatusInput) -> SetAccountStatusPayload:
        """Let an account act, or lock it out with its open streams; for admins."""
        status = await info.context.write(accounts.set_status, asked.user_id, asked.status, reason=asked.reason)
        return SetAccountStatusPayload(status=status)

    @mutation
    async def admin_cancel_video_jobs(self, info: Info, asked: AdminVideoJobsInput) -> AdminVideoJobsPayload:
        """End video jobs that are in progress, each as `cancelVideoJob` does; for admins.

        Each is a transaction of its own.
        """

        async def cancel(job: VideoJobRow) -> None:
            await info.context.write(bulk.cancel, job, asked.reason)

        return await _each(info, asked, bulk.to_cancel, cancel)

    @mutation
    async def admin_retry_video_jobs(self, info: Info, asked: AdminVideoJobsInput) -> AdminVideoJobsPayload:
        """Create failed video jobs anew for their owners, who pay as for any other; for admins.

        FAILED ones unless the filter says CANCELLED; one that an admin has retried is not retried again. Each is a
        transaction of its own.
        """
        caller, services = info.context.authenticated_caller, info.context.services

        async def retry(job: VideoJobRow) -> UUID:
            return await bulk.retry(services, caller, job, asked.reason)

        return await _each(info, asked, bulk.to_retry, retry)

    @mutation
    async def pause_creations(self, info: Info, asked: PauseCreationsInput) -> PausePayload:
        """Refuse new videos from now on, before any charge; running ones go on. For admins."""
        paused = await info.context.write(pauses.begin, asked.scope or PauseScope.ALL, asked.reason)
        return PausePayload(pauses=list(map(AdminPause.of, paused)))

    @mutation
    async def resume_creations(self, info: Info, asked: ResumeCreationsInput) -> PausePayload:
        """Accept new videos again: end every pause, and tell which there were. For admins."""
        ended = await info.context.write(pauses.end, asked.reason)
        return PausePayload(pauses=list(map(AdminPause.of, ended)))


async def _each(
    info: Info,
    asked: AdminVideoJobsInput,
    find: Callable[..., Awaitable[Batch]],
    change: Callable[[VideoJobRow], Awaitable[UUID | None]],
) -> AdminVideoJobsPayload:
    caller, catalogue = info.context.authenticated_caller, info.context.services.catalogue
    batch = await find(info.context.reader, caller, asked.order(), catalogue, dry_run=asked.is_dry())
    payload = AdminVideoJobsPayload(matched=batch.matched, has_next_page=batch.has_next)
    for job in batch.jobs:
        result = AdminVideoJobResult(video_job_id=strawberry.ID(str(job.id)))
        try:
            made = await change(job)
        except (Refusal, AccountNotActive) as refusal:
            result.code, result.message = refusal.code, refusal.message
        else:
            result.new_video_job_id = None if made is None else strawberry.ID(str(made))
            payload.changed += 1
        payload.results.append(result)
        payload.end_cursor = cursor_of(job)
    return payload
