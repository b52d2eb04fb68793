"""What stands in the way of spending besides the balance: the operator's pause, and the policy's ceilings."""

from datetime import UTC, datetime, timedelta

from auth.caller import Caller
from db import ledger, spending
from db.accounts import Account
from db.engine.statements import Reader, Writer
from resolvers.errors import InvalidInput, Paused, SpendingCeiling
from resolvers.policy import Ceilings

USUAL_DAYS = 14
MOST_DAYS = 31


def pause_of(*, paused: str | None, paused_real: str | None, mock_mode: bool) -> Paused | None:
    """Return the refusal of a creation that a pause stands against; each pause is given by its reason."""
    if paused is not None:
        return Paused(paused)
    return Paused(paused_real, real_only=True) if paused_real is not None and not mock_mode else None


async def lock_ceiling(writer: Writer, ceilings: Ceilings) -> None:
    """Keep other creations from passing the house's ceiling beside this one, until the transaction ends."""
    if ceilings.house_tokens_a_day is not None:
        await ledger.lock_spending(writer)


async def ceiling_reached(reader: Reader, account: Account, cost: int, ceilings: Ceilings) -> SpendingCeiling | None:
    """Return the refusal where a creation of that cost would pass a ceiling; a day is one of UTC.

    What costs nothing passes none.
    """
    if cost == 0:
        return None
    now = datetime.now(UTC)
    today = _midnight(now)
    seconds = int((today + timedelta(days=1) - now).total_seconds()) + 1
    of_user, of_house = ceilings.user_tokens_a_day, ceilings.house_tokens_a_day
    if of_user is not None and await spending.used_by(reader, account.id, today) + cost > of_user:
        return SpendingCeiling(of_user, seconds)
    if of_house is not None and await spending.used_by_all(reader, today) + cost > of_house:
        return SpendingCeiling(None, seconds)
    return None


async def by_day(reader: Reader, caller: Caller, days: int | None) -> dict[str, int]:
    """Add up what all have used on each of the last days (UTC) such as `2026-11-28`, oldest first, today last.

    Raises:
        AdminRequired, InvalidInput

    """
    caller.require_admin()
    days = USUAL_DAYS if days is None else days
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInput(f"days must be 1 to {MOST_DAYS}", field="days")
    first = _midnight(datetime.now(UTC)) - timedelta(days=days - 1)
    used = {row.day: row.tokens for row in await spending.by_day(reader, first)}
    names = [f"{first + timedelta(days=number):%Y-%m-%d}" for number in range(days)]
    return {name: used.get(name, 0) for name in names}


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
