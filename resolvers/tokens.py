"""A user's tokens: the balance, what it was used for, and the ledger behind it."""

from dataclasses import dataclass

from auth.caller import Caller
from db import accounts
from db.accounts import LedgerRow
from db.engine.paging import OffsetPage, Page, Position
from db.engine.statements import Reader, Writer
from db.tables import LedgerEntryKind
from resolvers.accounts import grant, open_account
from resolvers.errors import UserNotFound
from resolvers.ids import uuid_of


@dataclass(frozen=True)
class TokenUse:
    """A balance, and what the ledger adds up to: everything received, and everything spent less what came back."""

    balance: int
    received: int
    spent: int


async def use(writer: Writer, caller: Caller) -> TokenUse:
    """Add up the caller's ledger."""
    account = await open_account(writer, caller)
    totals = await accounts.ledger_totals(writer, account.id)
    given = (LedgerEntryKind.WELCOME, LedgerEntryKind.GRANT)
    received = sum(totals.get(kind, 0) for kind in given)
    return TokenUse(account.tokens, received, received - account.tokens)


async def page(reader: Reader, caller: Caller, *, first: int, after: Position | None) -> Page[LedgerRow]:
    """Read a page of the caller's ledger, newest first."""
    return await accounts.ledger_page(reader, caller.user_id, first=first, after=after)


async def offset_page(reader: Reader, caller: Caller, *, skip: int, limit: int) -> OffsetPage[LedgerRow]:
    """Read a page of the caller's ledger with its total, newest first."""
    return await accounts.ledger_offset_page(reader, caller.user_id, skip=skip, limit=limit)


async def grant_to(writer: Writer, caller: Caller, user_id: str, tokens: int) -> int:
    """Add tokens to any account, for admins; return its new balance.

    Raises:
        AdminRequired, UserNotFound
        InvalidInput: when the number is not positive.

    """
    caller.require_admin()
    try:
        user = await accounts.get(writer, uuid_of(user_id))
    except ValueError:
        user = None
    if user is None:
        raise UserNotFound("userId")
    return await grant(writer, Caller(user.id, user.email), tokens)
