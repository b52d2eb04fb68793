"""The caller, with their tokens."""

from datetime import datetime
from typing import Annotated
from uuid import uuid5

import strawberry

from auth.caller import Caller
from db.enums import LedgerEntryKind
from db.ledger import Ledger
from resolvers.tokens import Wallet
from schema.connections import DEFAULT_FIRST, After, Connection, First
from schema.context import Info
from schema.types import TokenTransaction

Kinds = Annotated[
    list[LedgerEntryKind] | None, strawberry.argument(description="Only entries of one of these kinds; null for all")
]
# What an Int can say; only the use of an unlimited account could ever be more.
LARGEST_INT = 2**31 - 1


@strawberry.type(description="An account's tokens.")
class TokenAccount:
    """See `resolvers.tokens.Wallet`."""

    id: strawberry.ID = strawberry.field(description="A UUID of its own, always the same")
    user_id: strawberry.ID = strawberry.field(description="Whose account it is")
    balance: int = strawberry.field(description="How many tokens there are to spend")
    tier: str = strawberry.field(description="Which tier the account is in, as the policy names it")
    is_unlimited: bool = strawberry.field(description="Whether operations cost it nothing")
    total: int = strawberry.field(description="What this period gave, in tokens: the tier's share and top-ups")
    consumed: int = strawberry.field(description="What was used in this period, less refunds, in tokens")
    lifetime_consumed: int = strawberry.field(description="What was ever used, less refunds, in tokens")
    period_start: datetime = strawberry.field(description="When the period began")
    period_end: datetime = strawberry.field(
        description="When it ends; a new one begins by itself where the policy says so, else when an admin does it"
    )
    owner: strawberry.Private[Caller]

    @classmethod
    def of(cls, wallet: Wallet) -> "TokenAccount":
        """Show a wallet."""
        account = wallet.account
        return cls(
            id=strawberry.ID(str(uuid5(account.id, "tokens"))),
            user_id=strawberry.ID(str(account.id)),
            balance=account.tokens,
            tier=account.tier,
            is_unlimited=wallet.tier.unlimited,
            total=min(wallet.total, LARGEST_INT),
            consumed=min(account.spent, LARGEST_INT),
            lifetime_consumed=min(account.lifetime_spent, LARGEST_INT),
            period_start=account.period_start,
            period_end=account.period_end,
            owner=Caller(account.id, account.email),
        )

    @strawberry.field(description="Every change of the balance, newest first.")
    async def transactions(
        self, info: Info, first: First = DEFAULT_FIRST, after: After = None, kind: Kinds = None
    ) -> Connection[TokenTransaction]:
        """Read a page of the ledger."""
        entries = Ledger(self.owner.user_id, kind)
        return await Connection.read(info, entries, TokenTransaction.of, first=first, after=after)


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
