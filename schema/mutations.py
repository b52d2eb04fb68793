"""The mutations, put together from their rooms."""

from typing import Annotated

import strawberry

from auth.caller import AccountStatus
from resolvers import accounts, tokens
from schema.context import INPUT, Info
from schema.errors import refusals_into
from schema.look_mutations import LookMutations
from schema.payloads import GrantTokensPayload, SetAccountStatusPayload
from schema.video_job_mutations import VideoJobMutations


@strawberry.input(description="Tokens for an account.")
class GrantTokensInput:
    """The input of `grantTokens`."""

    user_id: strawberry.ID = strawberry.field(description="Whose account")
    tokens: int = strawberry.field(description="How many to add")


@strawberry.input(description="Whether an account may act.")
class SetAccountStatusInput:
    """The input of `setAccountStatus`."""

    user_id: strawberry.ID = strawberry.field(description="Whose account")
    status: AccountStatus = strawberry.field(
        description="ACTIVE lets it act where its tokens do; anything else locks it out within seconds"
    )


@strawberry.type(description="What can be done.")
class Mutation(VideoJobMutations, LookMutations):
    """The root of all writes."""

    @strawberry.mutation(description="Top up an account through the ledger; for admins.")
    async def grant_tokens(self, info: Info, input: Annotated[GrantTokensInput, INPUT]) -> GrantTokensPayload:  # noqa: A002 - Relay's name
        """Grant tokens."""
        caller, payload = info.context.admitted_caller, GrantTokensPayload()
        with refusals_into(payload.errors):
            async with info.context.transaction() as transaction:
                payload.balance = await tokens.grant_to(transaction, caller, input.user_id, input.tokens)
        return payload

    @strawberry.mutation(description="Let an account act, or lock it out with its open streams; for admins.")
    async def set_account_status(
        self,
        info: Info,
        input: Annotated[SetAccountStatusInput, INPUT],  # noqa: A002 - Relay's name
    ) -> SetAccountStatusPayload:
        """Suspend or activate."""
        caller, payload = info.context.admitted_caller, SetAccountStatusPayload()
        with refusals_into(payload.errors):
            async with info.context.transaction() as transaction:
                payload.status = await accounts.set_status(transaction, caller, input.user_id, input.status)
        return payload
