"""What stands in the way of spending besides the balance: the operator's pause, and the policy's ceilings."""

from datetime import UTC, datetime, timedelta

from db import ledger
from db.accounts import Account
from db.engine.statements import Reader, Writer
from resolvers.errors import Paused, SpendingCeiling
from resolvers.policy import Ceilings


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
    """Return the refusal where a creation of that cost would pass a ceiling; a day is one of UTC."""
    now = datetime.now(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    seconds = int((today + timedelta(days=1) - now).total_seconds()) + 1
    of_user, of_house = ceilings.user_tokens_a_day, ceilings.house_tokens_a_day
    if of_user is not None and await ledger.used_by(reader, account.id, today) + cost > of_user:
        return SpendingCeiling(of_user, seconds)
    if of_house is not None and await ledger.used_by_all(reader, today) + cost > of_house:
        return SpendingCeiling(None, seconds)
    return None
