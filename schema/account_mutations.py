"""The mutations of accounts, for admins."""

from typing import Annotated

import strawberry

from auth.caller import AccountStatus
from resolvers import accounts
from schema.context import INPUT, Info
from schema.errors import refusals_into
from schema.payloads import SetAccountStatusPayload


@strawberry.input(description="Whether an account may act.")
class SetAccountStatusInput:
    """The input of `setAccountStatus`."""

    user_id: strawberry.ID = strawberry.field(description="Whose account")
    status: AccountStatus = strawberry.field(
        description="ACTIVE lets it act where its tokens do; anything else locks it out within seconds"
    )
    reason: str | None = strawberry.field(default=None, description="Why; for the audit log")


@strawberry.type
class AccountMutations:
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
