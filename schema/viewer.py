"""The caller, with their tokens."""

import strawberry

from auth.caller import Caller
from db.accounts import Account
from resolvers import tokens
from schema.connections import DEFAULT_FIRST, After, Connection, First, connection, page_arguments
from schema.context import Info
from schema.types import TokenTransaction


@strawberry.type(description="The caller's tokens.")
class TokenAccount:
    """What the ledger adds up to."""

    balance: int = strawberry.field(description="How many tokens there are to spend")

    @strawberry.field(description="Every change of the balance, newest first.")
    async def transactions(
        self, info: Info, first: First = DEFAULT_FIRST, after: After = None
    ) -> Connection[TokenTransaction]:
        """Read a page of the ledger."""
        caller = info.context.admitted_caller
        size, position = page_arguments(first, after)
        page = await tokens.page(info.context.reader, caller, first=size, after=position)
        return connection(page, TokenTransaction.of, after=after)


@strawberry.type(description="Who is calling.")
class Viewer:
    """The caller with their account."""

    id: strawberry.ID = strawberry.field(description="The user's id, a UUID")
    email: str | None = strawberry.field(description="As the identity provider gave it")
    is_admin: bool = strawberry.field(description="Whether the caller may see and do what is not their own")
    tokens: TokenAccount = strawberry.field(description="What there is to spend")

    @classmethod
    def of(cls, caller: Caller, account: Account) -> "Viewer":
        """Build from the caller and their account."""
        return cls(
            id=strawberry.ID(str(caller.user_id)),
            email=account.email,
            is_admin=caller.is_admin,
            tokens=TokenAccount(balance=account.tokens),
        )
