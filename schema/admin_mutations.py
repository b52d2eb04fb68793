"""What admins do to everybody: pauses of creations, many video jobs at once, and accounts."""

from collections.abc import Awaitable, Callable
from typing import Annotated
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
from schema.context import INPUT, Info
from schema.errors import AdminVideoJobsError, PauseError, SetAccountStatusError, refusals_into


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

    @strawberry.mutation(description="Let an account act, or lock it out with its open streams; for admins.")
    async def set_account_status(
        self,
        info: Info,
        input: Annotated[SetAccountStatusInput, INPUT],  # noqa: A002 - Relay's name
    ) -> SetAccountStatusPayload:
        """Suspend or activate."""
        caller, payload = info.context.authenticated_caller, SetAccountStatusPayload()
        with refusals_into(payload.errors):
            async with info.context.transaction() as transaction:
                payload.status = await accounts.set_status(
                    transaction, caller, input.user_id, input.status, reason=input.reason
                )
        return payload

    @strawberry.mutation(
        description="End video jobs that are in progress, each as `cancelVideoJob` does; for admins. "
        "Each is a transaction of its own."
    )
    async def admin_cancel_video_jobs(
        self,
        info: Info,
        input: Annotated[AdminVideoJobsInput, INPUT],  # noqa: A002 - Relay's name
    ) -> AdminVideoJobsPayload:
        """Cancel many."""
        caller, payload = info.context.authenticated_caller, AdminVideoJobsPayload()

        async def cancel(job: VideoJobRow) -> None:
            async with info.context.transaction() as transaction:
                await bulk.cancel(transaction, caller, job, input.reason)

        with refusals_into(payload.errors):
            order, catalogue = input.order(), info.context.services.catalogue
            batch = await bulk.to_cancel(info.context.reader, caller, order, catalogue, dry_run=input.is_dry())
            await _each(payload, batch, cancel)
        return payload

    @strawberry.mutation(
        description="Create failed video jobs anew for their owners, who pay as for any other; for admins. FAILED ones "
        "unless the filter says CANCELLED; one that an admin has retried is not retried again. Each is a transaction "
        "of its own."
    )
    async def admin_retry_video_jobs(
        self,
        info: Info,
        input: Annotated[AdminVideoJobsInput, INPUT],  # noqa: A002 - Relay's name
    ) -> AdminVideoJobsPayload:
        """Retry many."""
        caller, payload = info.context.authenticated_caller, AdminVideoJobsPayload()

        async def retry(job: VideoJobRow) -> UUID:
            return await bulk.retry(info.context.services, caller, job, input.reason)

        with refusals_into(payload.errors):
            order, catalogue = input.order(), info.context.services.catalogue
            batch = await bulk.to_retry(info.context.reader, caller, order, catalogue, dry_run=input.is_dry())
            await _each(payload, batch, retry)
        return payload

    @strawberry.mutation(
        description="Refuse new videos from now on, before any charge; running ones go on. For admins."
    )
    async def pause_creations(
        self,
        info: Info,
        input: Annotated[PauseCreationsInput, INPUT],  # noqa: A002 - Relay's name
    ) -> PausePayload:
        """Pause."""
        caller, payload = info.context.authenticated_caller, PausePayload()
        with refusals_into(payload.errors):
            async with info.context.transaction() as transaction:
                scope = input.scope or PauseScope.ALL
                payload.pauses = list(map(AdminPause.of, await pauses.begin(transaction, caller, scope, input.reason)))
        return payload

    @strawberry.mutation(description="Accept new videos again: end every pause, and tell which there were. For admins.")
    async def resume_creations(
        self,
        info: Info,
        input: Annotated[ResumeCreationsInput, INPUT],  # noqa: A002 - Relay's name
    ) -> PausePayload:
        """Resume."""
        caller, payload = info.context.authenticated_caller, PausePayload()
        with refusals_into(payload.errors):
            async with info.context.transaction() as transaction:
                payload.pauses = list(map(AdminPause.of, await pauses.end(transaction, caller, input.reason)))
        return payload


async def _each(
    payload: AdminVideoJobsPayload,
    batch: Batch,
    change: Callable[[VideoJobRow], Awaitable[UUID | None]],
) -> None:
    payload.matched, payload.has_next_page = batch.matched, batch.has_next
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
