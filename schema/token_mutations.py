"""The mutations about tokens. A refusal is data: the payload's `errors`; it has written nothing."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import strawberry

from auth.caller import Caller
from db.engine.statements import Writer
from resolvers import tokens
from resolvers.policy import Policy
from resolvers.tokens import Change, Order, Whose, consume
from schema.context import INPUT, Info
from schema.errors import ConsumeTokensError, TokenAccountError, refusals_into
from schema.types import TokenTransaction
from schema.viewer import TokenAccount

USER_ID = "Whose account, by the user's id; this or `email`"
EMAIL = "Whose account, by e-mail address"
KEY = "Makes a repeated request safe for 24 hours"
REFERENCE = "What it answers to outside, such as a payment's id: the same again answers the first result, at any time"
REASON = "Why; for the ledger and the audit log"
DESCRIPTION = "What the ledger says of it"


@strawberry.input(description="An account, for admins.")
class AccountInput:
    """The input of `resetPeriod`, and the beginning of the others."""

    user_id: strawberry.ID | None = strawberry.field(default=None, description=USER_ID)
    email: str | None = strawberry.field(default=None, description=EMAIL)
    reason: str | None = strawberry.field(default=None, description=REASON)

    def whose(self) -> Whose:
        """Return which account is meant."""
        return Whose(self.user_id, self.email)


@strawberry.input(description="Tokens for an account.")
class GrantTokensInput(AccountInput):
    """The input of `grantTokens`."""

    tokens: int = strawberry.field(description="How many to add")
    reference: str | None = strawberry.field(default=None, description=REFERENCE)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def order(self) -> Order:
        """Return what is to be done."""
        return Order(self.tokens, self.reason, self.reference, self.idempotency_key)


@strawberry.input(description="By how much a balance is to change.")
class AdjustTokensInput(GrantTokensInput):
    """The input of `adjustTokens`."""

    tokens: int = strawberry.field(description="How many to add; negative to take some away")


@strawberry.input(description="Which tier an account is to be in.")
class SetTierInput(AccountInput):
    """The input of `setTier`."""

    tier: str = strawberry.field(description="As the policy names it")


@strawberry.input(description="What is about to be done.")
class ConsumeTokensInput:
    """The input of `consumeTokens`."""

    operation: str = strawberry.field(description="As the policy names it")
    description: str | None = strawberry.field(default=None, description=DESCRIPTION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.type(description="What was paid, or why nothing was.")
class ConsumeTokensPayload:
    """The answer of `consumeTokens`."""

    transaction: TokenTransaction | None = strawberry.field(default=None, description="The ledger's entry")
    tokens: TokenAccount | None = strawberry.field(default=None, description="The account as it is now")
    replayed: bool = strawberry.field(
        default=False, description="Whether this is the answer to an earlier request with the same idempotency key"
    )
    errors: list[ConsumeTokensError] = strawberry.field(default_factory=list, description="Why nothing was paid")


@strawberry.type(description="The account after the change, or why there was none.")
class TokenAccountPayload:
    """The answer of the admins' mutations about accounts."""

    balance: int | None = strawberry.field(default=None, description="What the change has left, in tokens")
    transaction: TokenTransaction | None = strawberry.field(default=None, description="The ledger's entry")
    tokens: TokenAccount | None = strawberry.field(default=None, description="The account as it is now")
    replayed: bool = strawberry.field(
        default=False, description="Whether an earlier request with the same key or reference has done it"
    )
    errors: list[TokenAccountError] = strawberry.field(default_factory=list, description="Why nothing was changed")


@strawberry.type
class TokenMutations:
    """Spending, and what admins do to accounts."""

    @strawberry.mutation(description="Pay for an operation of another service before it is done.")
    async def consume_tokens(self, info: Info, input: Annotated[ConsumeTokensInput, INPUT]) -> ConsumeTokensPayload:  # noqa: A002 - Relay's name
        """Consume tokens."""
        caller, policy = info.context.authenticated_caller, info.context.services.catalogue.policy
        payload = ConsumeTokensPayload()
        with refusals_into(payload.errors):
            async with info.context.transaction() as transaction:
                consumed = await consume(
                    transaction,
                    caller,
                    policy,
                    input.operation,
                    description=input.description,
                    idempotency_key=input.idempotency_key,
                )
                payload.tokens = TokenAccount.of(await tokens.wallet(transaction, caller, policy))
            payload.transaction, payload.replayed = TokenTransaction.of(consumed.entry), consumed.replayed
        return payload

    @strawberry.mutation(description="Top up an account through the ledger; for admins.")
    async def grant_tokens(self, info: Info, input: Annotated[GrantTokensInput, INPUT]) -> TokenAccountPayload:  # noqa: A002 - Relay's name
        """Grant tokens."""
        return await _changed(
            info, lambda writer, admin, policy: tokens.grant_to(writer, admin, input.whose(), input.order(), policy)
        )

    @strawberry.mutation(description="Add tokens to an account or take some away, never below 0; for admins.")
    async def adjust_tokens(self, info: Info, input: Annotated[AdjustTokensInput, INPUT]) -> TokenAccountPayload:  # noqa: A002 - Relay's name
        """Adjust a balance."""
        return await _changed(
            info, lambda writer, admin, policy: tokens.adjust(writer, admin, input.whose(), input.order(), policy)
        )

    @strawberry.mutation(
        description="Put an account into a tier: its balance is the tier's share, its period begins now; for admins."
    )
    async def set_tier(self, info: Info, input: Annotated[SetTierInput, INPUT]) -> TokenAccountPayload:  # noqa: A002 - Relay's name
        """Set a tier."""
        return await _changed(
            info,
            lambda writer, admin, policy: tokens.set_tier(
                writer, admin, input.whose(), input.tier, policy, reason=input.reason
            ),
        )

    @strawberry.mutation(description="Begin a new period of an account now, with its tier's share; for admins.")
    async def reset_period(self, info: Info, input: Annotated[AccountInput, INPUT]) -> TokenAccountPayload:  # noqa: A002 - Relay's name
        """Begin a period."""
        return await _changed(
            info,
            lambda writer, admin, policy: tokens.set_tier(
                writer, admin, input.whose(), None, policy, reason=input.reason
            ),
        )


async def _changed(info: Info, change: Callable[[Writer, Caller, Policy], Awaitable[Change]]) -> TokenAccountPayload:
    payload, policy = TokenAccountPayload(), info.context.services.catalogue.policy
    admin = info.context.authenticated_caller
    with refusals_into(payload.errors):
        async with info.context.transaction() as transaction:
            done = await change(transaction, admin, policy)
        payload.balance, payload.replayed = done.entry.balance_after, done.replayed
        payload.transaction, payload.tokens = TokenTransaction.of(done.entry), TokenAccount.of(done.wallet)
    return payload
