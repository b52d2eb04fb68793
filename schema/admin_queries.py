"""The queries that are for admins."""

from datetime import datetime
from typing import Annotated

import strawberry

from auth.caller import AccountStatus, Role
from db.enums import AuditAction
from resolvers import admin_lists, audit, limits
from resolvers.admin_lists import AdminNarrowing
from schema.admin_types import (
    AdminQueue,
    AdminSpending,
    AdminSpendingDay,
    AdminUser,
    AdminVideoJobConnection,
    AdminVideoJobFilter,
    AuditEntry,
)
from schema.connections import DEFAULT_FIRST, After, Connection, First
from schema.context import Info

OfJobs = Annotated[AdminVideoJobFilter | None, strawberry.argument(description="Which jobs; null for all")]
UserSearch = Annotated[str | None, strawberry.argument(description="A user's id, or a part of an e-mail address")]
OfTier = Annotated[str | None, strawberry.argument(description="Only accounts in this tier")]
OfAccountStatus = Annotated[AccountStatus | None, strawberry.argument(description="Only accounts of this status")]
OfRole = Annotated[Role | None, strawberry.argument(description="Only accounts of this role")]
Actions = Annotated[list[AuditAction] | None, strawberry.argument(description="Only these acts; null for all")]
ByActor = Annotated[strawberry.ID | None, strawberry.argument(description="Only what this admin did")]
ToUser = Annotated[strawberry.ID | None, strawberry.argument(description="Only what was done to this user")]
ToObject = Annotated[strawberry.ID | None, strawberry.argument(description="Only what was done to this job or look")]
Since = Annotated[datetime | None, strawberry.argument(description="Only what was done then or later")]
Days = Annotated[int | None, strawberry.argument(description=f"How many, 1 to {limits.MOST_DAYS}")]
Before = Annotated[datetime | None, strawberry.argument(description="Only what was done before")]


@strawberry.type
class AdminQueries:
    """Fields of `Query`."""

    @strawberry.field
    async def admin_video_jobs(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: OfJobs = None,  # noqa: A002 - the argument's name
    ) -> AdminVideoJobConnection:
        """Everybody's video jobs, newest first; for admins."""
        narrowing = AdminNarrowing() if filter is None else filter.narrowing()
        catalogue = info.context.services.catalogue
        wanted = admin_lists.jobs(info.context.authenticated_caller, narrowing, catalogue)
        return await AdminVideoJobConnection.read(info, wanted, first=first, after=after)

    @strawberry.field
    async def admin_users(  # noqa: PLR0913 - one for each filter
        self,
        info: Info,
        *,
        first: First = DEFAULT_FIRST,
        after: After = None,
        search: UserSearch = None,
        tier: OfTier = None,
        status: OfAccountStatus = None,
        role: OfRole = None,
    ) -> Connection[AdminUser]:
        """All accounts, newest first; for admins."""
        context = info.context
        wanted = admin_lists.users(context.authenticated_caller, search, tier=tier, status=status, role=role)
        return await Connection.read(info, wanted, first=first, after=after)

    @strawberry.field
    async def admin_queue(self, info: Info) -> AdminQueue:
        """What waits and runs, and who works on it; for admins."""
        context = info.context
        return AdminQueue.of(
            await admin_lists.queue(context.reader, context.authenticated_caller, context.services.catalogue)
        )

    @strawberry.field
    async def admin_spending(self, info: Info, days: Days = limits.USUAL_DAYS) -> AdminSpending:
        """How many tokens all have used on each of the last days (UTC); for admins."""
        context = info.context
        found = await limits.spent_by_day(context.reader, context.authenticated_caller, days)
        return AdminSpending(
            ceiling=context.services.catalogue.policy.ceilings.house_tokens_a_day,
            days=[AdminSpendingDay(day=day, tokens=tokens) for day, tokens in found.items()],
        )

    @strawberry.field
    async def admin_audit_log(  # noqa: PLR0913 - one for each filter
        self,
        info: Info,
        *,
        first: First = DEFAULT_FIRST,
        after: After = None,
        action: Actions = None,
        actor_id: ByActor = None,
        user_id: ToUser = None,
        object_id: ToObject = None,
        created_after: Since = None,
        created_before: Before = None,
    ) -> Connection[AuditEntry]:
        """What admins and operators did to what is not their own, newest first; for admins."""
        wanted = audit.listed(
            info.context.authenticated_caller,
            actions=action,
            actor_id=actor_id,
            user_id=user_id,
            object_id=object_id,
            created_after=created_after,
            created_before=created_before,
        )
        return await Connection.read(info, wanted, first=first, after=after)
