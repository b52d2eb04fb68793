"""The caller, with their tokens."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import uuid5

import strawberry

from auth.caller import Caller
from db.enums import LedgerEntryKind
from db.ledger import Ledger
from graphql_server.fields import attribute, column
from resolvers.tokens import Wallet
from schema.connections import DEFAULT_FIRST, After, Connection, First
from schema.context import Info, RequestContext, Shown
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
