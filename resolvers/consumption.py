"""What other services of the studio take from a user's tokens."""

from dataclasses import dataclass

from auth.caller import Caller
from db import ledger
from db.engine.statements import Writer
from db.ledger import LedgerRow
from resolvers.accounts import charge_entry, lock_account
from resolvers.errors import InsufficientTokens, InvalidInput
from resolvers.idempotency import checked_key, digest_of, earlier, keep
from resolvers.models import listed
from resolvers.policy import Policy
from resolvers.texts import checked_text
from resolvers.tokens import LONGEST_DESCRIPTION


@dataclass(frozen=True)
class Consumption:
    """What an operation took: its cost, the ledger's entry, and what had been spent in the period after it."""

    cost: int
    entry: LedgerRow
    spent: int
    is_unlimited: bool
    replayed: bool = False


async def consume(  # noqa: PLR0913 - what an operation is, and who pays
    writer: Writer,
    caller: Caller,
    policy: Policy,
    operation: str,
    *,
    description: str | None = None,
    idempotency_key: str | None = None,
) -> Consumption:
    """Pay for an operation of another service of the studio.

    Raises:
        InvalidInput: also where there is no such operation, unless it is a repeated request from when there was
        InsufficientTokens, IdempotencyKeyReused

    """
    text = checked_text(description, "description", LONGEST_DESCRIPTION)
    key, digest = checked_key(idempotency_key), digest_of("consume", operation, text)
    account = await lock_account(writer, caller, policy)
    tier = policy.tier(account.tier)
    known = await earlier(writer, caller, key, digest)
    if known is not None and known.ledger_entry_id is not None:
        if (entry := await ledger.get(writer, known.ledger_entry_id)) is None:
            raise LookupError("The ledger lacks an entry that an idempotency key stands for")
        taken = entry.uncharged - entry.amount
        is_unlimited = entry.uncharged > 0 if taken else tier.unlimited
        return Consumption(taken, entry, known.spent or 0, is_unlimited, replayed=True)
    cost = policy.operations.get(operation)
    if cost is None:
        raise InvalidInput(f"Operation must be one of {listed(policy.operations)}", field="operation")
    if account.tokens < cost and not tier.unlimited:
        raise InsufficientTokens(operation, cost, account.tokens)
    entry = await ledger.record(writer, account.id, charge_entry(caller, tier, cost, operation, text or operation))
    spent = account.spent + cost
    await keep(writer, caller, key, digest, entry_id=entry.id, spent=spent)
    return Consumption(cost, entry, spent, tier.unlimited)
