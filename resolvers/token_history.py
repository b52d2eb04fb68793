"""The entries of an account's ledger, newest first."""

from collections.abc import Sequence

from auth.caller import Caller
from db import ledger
from db.engine.paging import OffsetPage, Page, Position
from db.engine.statements import Reader
from db.enums import LedgerEntryKind
from db.ledger import LedgerRow


async def page(
    reader: Reader,
    owner: Caller,
    kinds: Sequence[LedgerEntryKind] | None = None,
    *,
    first: int,
    after: Position | None,
) -> Page[LedgerRow]:
    """Read a page of an account's ledger, of these kinds if any are given, newest first."""
    return await ledger.page(reader, owner.user_id, kinds, first=first, after=after)


async def total(reader: Reader, owner: Caller, kinds: Sequence[LedgerEntryKind] | None = None) -> int:
    """Count an account's entries, up to `db.engine.paging.MOST_COUNTED`."""
    return await ledger.total(reader, owner.user_id, kinds)


async def offset_page(reader: Reader, caller: Caller, *, skip: int, limit: int) -> OffsetPage[LedgerRow]:
    """Read a page of the caller's ledger with its total, newest first."""
    return await ledger.offset_page(reader, caller.user_id, skip=skip, limit=limit)
