"""The mutations that pause creations, for admins."""

from typing import Annotated

import strawberry

from db.enums import PauseScope
from resolvers import pauses
from schema.admin_types import AdminPause
from schema.context import INPUT, Info
from schema.errors import PauseError, refusals_into


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


@strawberry.type
class PauseMutations:
    """Fields of `Mutation`."""

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
                paused = await pauses.begin(transaction, caller, scope, input.reason)
                payload.pauses = AdminPause.all_of(paused)
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
                payload.pauses = AdminPause.all_of(await pauses.end(transaction, caller, input.reason))
        return payload
