"""A user's tokens: the wallet, spending from it, and what admins do to it. All of it goes through the ledger."""

from dataclasses import astuple, dataclass, replace
from functools import partial

from auth.caller import Caller
from db import accounts, ledger, server
from db.accounts import Account
from db.engine.statements import Reader, Writer
from db.enums import ActorKind, AuditAction, LedgerEntryKind
from db.ledger import SYSTEM, Actor, Entry, Ledger, LedgerRow
from resolvers.accounts import (
    account_for_email,
    begin_period,
    charge_entry,
    check_grant,
    get_or_create_account,
    lock_account,
)
from resolvers.audit import OPERATOR, Act, checked_reason, record
from resolvers.errors import InsufficientTokens, InvalidInput, ReferenceReused, UserNotFound
from resolvers.idempotency import checked_key, digest_of, earlier, keep
from resolvers.models import listed
from resolvers.policy import LARGEST_BALANCE, Policy, Tier
from resolvers.texts import checked_text, uuid_or

LONGEST_DESCRIPTION = 500
LONGEST_REFERENCE = 200
_ACTIONS = {
    LedgerEntryKind.GRANT: AuditAction.GRANT_TOKENS,
    LedgerEntryKind.ADJUSTMENT: AuditAction.ADJUST_TOKENS,
    LedgerEntryKind.TIER_CHANGE: AuditAction.SET_TIER,
    LedgerEntryKind.RESET: AuditAction.RESET_PERIOD,
}


@dataclass(frozen=True)
class Wallet:
    """An account with its tier; numbers are in tokens. What is spent is less what was refunded."""

    account: Account
    tier: Tier

    @property
    def total(self) -> int:
        """What this period gave: the share, top-ups, and refunds of what an earlier period spent.

        What an unlimited account used was not taken from it.
        """
        return self.account.tokens + (0 if self.tier.unlimited else self.account.spent)


@dataclass(frozen=True)
class Whose:
    """Which account an admin means: by the user's id, by e-mail, or by both."""

    user_id: str | None = None
    email: str | None = None


@dataclass(frozen=True)
class Order:
    """What an admin does to a balance. `tokens` may be negative for an adjustment.

    The same `idempotency_key` within 24 hours, or the same `reference` at any time, stands for the same order.
    """

    tokens: int
    reason: str | None = None
    reference: str | None = None
    idempotency_key: str | None = None

    def checked(self) -> "Order":
        """Return the order with its texts as they are kept.

        Raises:
            InvalidInput: also where the reference is blank, as one that was forgotten would be granted again and again

        """
        reference = checked_text(self.reference, "reference", LONGEST_REFERENCE)
        if reference is None and self.reference is not None:
            raise InvalidInput("A reference must have at least one character", field="reference")
        return replace(
            self,
            reason=checked_text(self.reason, "reason", LONGEST_DESCRIPTION),
            reference=reference,
            idempotency_key=checked_key(self.idempotency_key),
        )


@dataclass(frozen=True)
class Change:
    """What an admin's call has written, now or at an earlier one, and the account as it is now."""

    entry: LedgerRow
    wallet: Wallet
    replayed: bool = False


async def wallet(writer: Writer, caller: Caller, policy: Policy) -> Wallet:
    """Read the caller's account, in a new period where the last one has ended and renews."""
    account = await get_or_create_account(writer, caller, policy)
    return Wallet(account, policy.tier(account.tier))


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


async def _ordered(  # noqa: PLR0913 - an order, whose account, and what it is for
    writer: Writer, admin: Caller, whose: Whose, order: Order, policy: Policy, *, kind: LedgerEntryKind
) -> Change:
    """Add tokens to any account, or take some away for an adjustment, once for each key and reference.

    Raises:
        AdminRequired, UserNotFound, IdempotencyKeyReused, ReferenceReused
        InvalidInput: also where the account would hold more than it can, or an adjusted one is unlimited or would hold
            fewer than none

    """
    return await _once(writer, admin, await _owner(writer, admin, whose), order, policy, kind)


grant_to = partial(_ordered, kind=LedgerEntryKind.GRANT)
adjust = partial(_ordered, kind=LedgerEntryKind.ADJUSTMENT)


async def grant_as_operator(writer: Writer, owner: Caller, order: Order, policy: Policy) -> int:
    """Add tokens to an account from the command line, once for each reference; return the new balance.

    Raises InvalidInput, ReferenceReused.
    """
    return (await _once(writer, OPERATOR, owner, order, policy, LedgerEntryKind.GRANT)).wallet.account.tokens


async def set_tier(  # noqa: PLR0913 - what is done, and why
    writer: Writer, admin: Caller, whose: Whose, tier: str | None, policy: Policy, *, reason: str | None = None
) -> Change:
    """Begin a period of an account now, in a tier, or in its own one for None: its balance is the tier's share.

    Raises AdminRequired, UserNotFound, and InvalidInput: there is no such tier.
    """
    owner = await _owner(writer, admin, whose)
    if tier is not None and tier not in policy.tiers:
        raise InvalidInput(f"Tier must be one of {listed(policy.tiers)}", field="tier")
    account = await lock_account(writer, owner, policy)
    kind = LedgerEntryKind.RESET if tier is None else LedgerEntryKind.TIER_CHANGE
    tier, reason, now = tier or account.tier, checked_reason(reason), (await server.get(writer)).clock
    by = Actor(ActorKind.ADMIN, admin.user_id, admin.email)
    entry = await begin_period(writer, account, tier, policy, kind=kind, actor=by, start=now)
    await record(writer, admin, Act(_ACTIONS[kind], account.id, entry.id, reason, f"Tier {tier}"))
    return Change(entry, await wallet(writer, owner, policy))


async def wallet_of(writer: Writer, admin: Caller, whose: Whose, policy: Policy) -> tuple[Wallet, LedgerRow | None]:
    """Read any account, with its newest entry; raises AdminRequired, UserNotFound, InvalidInput."""
    owner = await _owner(writer, admin, whose)
    found = await wallet(writer, owner, policy)
    newest = await Ledger(owner.user_id).page(writer, first=1)
    return found, next(iter(newest.rows), None)


async def _owner(reader: Reader, admin: Caller, whose: Whose) -> Caller:
    """Return whose account an admin means, as it is there."""
    admin.require_admin()
    if whose.user_id is not None:
        user_id = uuid_or(whose.user_id, partial(UserNotFound, "userId"))
    elif whose.email is not None:
        user_id = (await account_for_email(reader, whose.email)).user_id
    else:
        raise InvalidInput("Say whose account: by userId or by email", field="userId")
    account = await accounts.get(reader, user_id)
    if account is None:
        raise UserNotFound("email" if whose.user_id is None else "userId")
    if whose.email is not None and whose.user_id is not None:
        asked = await account_for_email(reader, whose.email, account.id)
        if asked.email != account.email:
            raise InvalidInput(f"The account {account.id} has another address", field="email")
    return Caller(account.id, account.email)


async def _once(  # noqa: PLR0913, PLR0917 - an order, and what it is for
    writer: Writer, admin: Caller, owner: Caller, order: Order, policy: Policy, kind: LedgerEntryKind
) -> Change:
    """Carry out an order, unless its key or its reference was there before; the account is locked meanwhile."""
    if kind is LedgerEntryKind.GRANT:
        check_grant(order.tokens)
    elif order.tokens == 0:
        raise InvalidInput("The number of tokens must not be 0", field="tokens")
    order = order.checked()
    account = await lock_account(writer, owner, policy)
    digest = digest_of(kind, owner.user_id, *astuple(replace(order, idempotency_key=None)))
    known = await earlier(writer, admin, order.idempotency_key, digest)
    if known is not None and known.ledger_entry_id is not None:
        entry = await ledger.get(writer, known.ledger_entry_id)
    else:
        entry = await _of_reference(writer, owner, order, kind)
    replayed = entry is not None
    if entry is None:
        _check_balance(account, order.tokens, policy, kind)
        by = SYSTEM if admin is OPERATOR else Actor(ActorKind.ADMIN, admin.user_id, admin.email)
        new = Entry(kind, order.tokens, by, description=order.reason, reference=order.reference)
        entry = await ledger.record(writer, account.id, new)
        await record(
            writer, admin, Act(_ACTIONS[kind], account.id, entry.id, order.reason, f"{order.tokens:+d} tokens")
        )
    if known is None:
        await keep(writer, admin, order.idempotency_key, digest, entry_id=entry.id, spent=account.spent)
    return Change(entry, await wallet(writer, owner, policy), replayed)


def _check_balance(account: Account, tokens: int, policy: Policy, kind: LedgerEntryKind) -> None:
    if kind is LedgerEntryKind.ADJUSTMENT and policy.tier(account.tier).unlimited:
        raise InvalidInput("An unlimited account has no balance to adjust", field="tokens")
    if account.tokens + tokens < 0:
        raise InvalidInput(f"The balance cannot go below 0: there are {account.tokens} tokens", field="tokens")
    if account.tokens + tokens > LARGEST_BALANCE:
        message = f"An account holds at most {LARGEST_BALANCE} tokens; this one has {account.tokens}"
        raise InvalidInput(message, field="tokens")


async def _of_reference(writer: Writer, owner: Caller, order: Order, kind: LedgerEntryKind) -> LedgerRow | None:
    """Return what an order's reference was there for before; another order's is refused.

    What a payment gave may be taken back under its reference from whom it was given to, but not given twice, by
    whichever call.
    """
    if order.reference is None:
        return None
    entries = await ledger.by_reference(writer, order.reference)
    entry = next((entry for entry in entries if entry.kind == kind), None)
    if entry is None and any(it.user_id != owner.user_id or min(it.amount, order.tokens) > 0 for it in entries):
        raise ReferenceReused
    if entry is not None and (entry.user_id, entry.amount) != (owner.user_id, order.tokens):
        raise ReferenceReused
    return entry
