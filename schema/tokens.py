"""The caller with their tokens, and the mutations about tokens. A refusal is data: `errors`; it has written nothing."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import uuid5

import strawberry

from auth.caller import Caller
from db.enums import LedgerEntryKind
from db.ledger import Ledger
from graphql_server.fields import attribute, column
from resolvers import tokens
from resolvers.tokens import Change, Order, Wallet, Whose, consume
from schema.connections import DEFAULT_FIRST, After, Connection, First
from schema.context import Info, RequestContext, Shown, mutation
from schema.errors import ConsumeTokensError, TokenAccountError
from schema.types import TokenTransaction

Kinds = Annotated[
    list[LedgerEntryKind] | None, strawberry.argument(description="Only entries of one of these kinds; null for all")
]
# What an Int can say; only the use of an unlimited account could ever be more.
LARGEST_INT = 2**31 - 1


def _ids(wallets: Sequence[Wallet], _context: RequestContext) -> list[str]:
    return [str(uuid5(wallet.account.id, "tokens")) for wallet in wallets]


def _capped(counts: Sequence[int], _context: RequestContext) -> list[int]:
    return [min(count, LARGEST_INT) for count in counts]


@strawberry.type(description="An account's tokens.")
class TokenAccount(Shown[Wallet]):
    """See `resolvers.tokens.Wallet`."""

    id: strawberry.ID = column(_ids, "A UUID of its own, always the same")
    user_id: strawberry.ID = attribute("account.id", "Whose account it is")
    balance: int = attribute("account.tokens", "How many tokens there are to spend")
    tier: str = attribute("account.tier", "Which tier the account is in, as the policy names it")
    is_unlimited: bool = attribute("tier.unlimited", "Whether operations cost it nothing")
    total: int = attribute("total", "What this period gave, in tokens: the tier's share and top-ups", _capped)
    consumed: int = attribute("account.spent", "What was used in this period, less refunds, in tokens", _capped)
    lifetime_consumed: int = attribute("account.lifetime_spent", "What was ever used, less refunds, in tokens", _capped)
    period_start: datetime = attribute("account.period_start", "When the period began")
    period_end: datetime = attribute(
        "account.period_end",
        "When it ends; a new one begins by itself where the policy says so, else when an admin does it",
    )

    @strawberry.field(description="Every change of the balance, newest first.")
    async def transactions(
        root: strawberry.Parent[Wallet],  # noqa: N805 - the wallet itself
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        kind: Kinds = None,
    ) -> Connection[TokenTransaction]:
        """Read a page of the ledger."""
        entries = Ledger(root.account.id, kind)
        return await Connection.read(info, entries, first=first, after=after)


@strawberry.type(description="Who is calling.")
class Viewer:
    """The caller with their account."""

    id: strawberry.ID = strawberry.field(description="The user's id, a UUID")
    email: str | None = strawberry.field(description="As the identity provider gave it")
    is_admin: bool = strawberry.field(description="Whether the caller may see and do what is not their own")
    tokens: TokenAccount = strawberry.field(description="What there is to spend")

    @classmethod
    def of(cls, caller: Caller, wallet: Wallet) -> "Viewer":
        """Build from the caller and their account."""
        return cls(
            id=strawberry.ID(str(caller.user_id)),
            email=wallet.account.email,
            is_admin=caller.is_admin,
            tokens=TokenAccount.of(wallet),
        )


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

    @mutation
    async def consume_tokens(self, info: Info, asked: ConsumeTokensInput) -> ConsumeTokensPayload:
        """Pay for an operation of another service before it is done."""
        caller, policy = info.context.authenticated_caller, info.context.services.catalogue.policy
        async with info.context.transaction() as transaction:
            consumed = await consume(
                transaction,
                caller,
                policy,
                asked.operation,
                description=asked.description,
                idempotency_key=asked.idempotency_key,
            )
            account = TokenAccount.of(await tokens.wallet(transaction, caller, policy))
        entry = TokenTransaction.of(consumed.entry)
        return ConsumeTokensPayload(transaction=entry, tokens=account, replayed=consumed.replayed)

    @mutation
    async def grant_tokens(self, info: Info, asked: GrantTokensInput) -> TokenAccountPayload:
        """Top up an account through the ledger; for admins."""
        return await _changed(info, tokens.grant_to, asked, asked.order())

    @mutation
    async def adjust_tokens(self, info: Info, asked: AdjustTokensInput) -> TokenAccountPayload:
        """Add tokens to an account or take some away, never below 0; for admins."""
        return await _changed(info, tokens.adjust, asked, asked.order())

    @mutation
    async def set_tier(self, info: Info, asked: SetTierInput) -> TokenAccountPayload:
        """Put an account into a tier: its balance is the tier's share, its period begins now; for admins."""
        return await _changed(info, partial(tokens.set_tier, reason=asked.reason), asked, asked.tier)

    @mutation
    async def reset_period(self, info: Info, asked: AccountInput) -> TokenAccountPayload:
        """Begin a new period of an account now, with its tier's share; for admins."""
        return await _changed(info, partial(tokens.set_tier, reason=asked.reason), asked, None)


async def _changed(
    info: Info, change: Callable[..., Awaitable[Change]], asked: AccountInput, *how: object
) -> TokenAccountPayload:
    policy = info.context.services.catalogue.policy
    done = await info.context.write(change, Whose(asked.user_id, asked.email), *how, policy)
    return TokenAccountPayload(
        balance=done.entry.balance_after,
        transaction=TokenTransaction.of(done.entry),
        tokens=TokenAccount.of(done.wallet),
        replayed=done.replayed,
    )
