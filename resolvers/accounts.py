"""Accounts: made on first sight with a welcome of tokens, topped up through the ledger."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from uuid import NAMESPACE_URL, UUID, uuid5

from auth.caller import LONGEST_EMAIL, AccountStatus, Caller, Role, email_of
from db import accounts, ledger
from db.accounts import Account, Profile
from db.engine.statements import Reader, Writer
from db.enums import ActorKind, AuditAction, LedgerEntryKind
from db.ledger import SYSTEM, Actor, Entry, LedgerRow
from db.video_jobs import VideoJobRow
from resolvers.audit import OPERATOR, Act, checked_reason, record
from resolvers.errors import InvalidInput, UserNotFound
from resolvers.policy import BUILT_IN, FIRST_TIER, Policy, Tier
from resolvers.texts import uuid_or

# How many accounts of one address are named.
NAMED_ACCOUNTS = 10


async def get_or_create_account(writer: Writer, caller: Caller, policy: Policy = BUILT_IN) -> Account:
    """Return the caller's account, made if this is the first time they are seen, however many of them come at once.

    Where its period has ended and renews by itself, it is in a new one.
    """
    account = await accounts.get(writer, caller.user_id)
    if account is not None and caller.email not in {None, account.email}:
        await accounts.set_email(writer, account.id, caller.email)
    return await lock_account(writer, caller, policy) if account is None or _is_due(account, policy) else account


async def lock_account(writer: Writer, caller: Caller, policy: Policy = BUILT_IN) -> Account:
    """Return the caller's account as `get_or_create_account` does, locked until the transaction ends."""
    account = await ledger.lock(writer, caller.user_id)
    if account is None:
        await _open(writer, caller, policy)
    elif _is_due(account, policy):
        await _renew(writer, account, policy)
    else:
        return account
    if (account := await ledger.lock(writer, caller.user_id)) is None:
        raise LookupError(f"The account {caller.user_id} vanished while it was being opened")
    return account


async def begin_period(  # noqa: PLR0913 - what a period is
    writer: Writer,
    account: Account,
    tier_name: str,
    policy: Policy,
    *,
    kind: LedgerEntryKind,
    actor: Actor,
    start: datetime,
) -> LedgerRow:
    """Begin a period with the tier's share as the balance; the caller has locked the account. Return its entry."""
    tier = policy.tier(tier_name)
    await accounts.set_period(writer, account.id, tier_name, start, start + tier.period)
    renewal = f"New period in tier {tier.name}"
    description = f"Tier {tier.name}" if kind == LedgerEntryKind.TIER_CHANGE else renewal
    share = 0 if tier.unlimited else tier.share
    return await ledger.record(writer, account.id, Entry(kind, share - account.tokens, actor, description=description))


def charge_entry(caller: Caller, tier: Tier, cost: int, operation: str, description: str) -> Entry:
    """Return the entry of an operation: an unlimited account uses without paying."""
    paid = 0 if tier.unlimited else cost
    return Entry(
        LedgerEntryKind.CHARGE,
        -paid,
        Actor(ActorKind.USER, caller.user_id),
        spent=cost,
        lifetime_spent=cost,
        uncharged=cost - paid,
        operation=operation,
        description=description,
    )


async def account_for_email(reader: Reader, email: str, user_id: UUID | None = None) -> Caller:
    """Return who has that address, or will have it: a new one gets an id made of it, so that asking twice gives one.

    Raises:
        InvalidInput: it is no address; without `user_id`, several accounts have it, or the one that was made for it
            has it no more

    """
    address = _address(email)
    if user_id is None:
        known = await accounts.ids_by_email(reader, address, NAMED_ACCOUNTS)
        if len(known) > 1:
            ids = ", ".join(map(str, known))
            raise InvalidInput(f"Several accounts have the address {address}: say which of {ids}", field="email")
        user_id = known[0] if known else uuid5(NAMESPACE_URL, f"mailto:{address}")
        if not known and await accounts.get(reader, user_id) is not None:
            message = f"The account {user_id} had the address {address}, and has it no more: say by its id who is meant"
            raise InvalidInput(message, field="email")
    return Caller(user_id=user_id, email=address)


async def profiles(reader: Reader, caller: Caller, user_ids: Sequence[UUID]) -> dict[UUID, Profile]:
    """Read who users are that the caller may know: themselves; admins know everybody."""
    return await accounts.profiles(reader, [id_ for id_ in user_ids if caller.is_admin or id_ == caller.user_id])


async def find_account(reader: Reader, caller: Caller) -> Account | None:
    """Return the caller's account, None where there is none yet.

    Raises InvalidInput: it has another address.
    """
    account = await accounts.get(reader, caller.user_id)
    if account is not None and account.email not in {None, caller.email}:
        raise InvalidInput(f"The account {account.id} has not the address {caller.email}", field="email")
    return account


async def set_status(
    writer: Writer, caller: Caller, user_id: str, status: AccountStatus, *, reason: str | None = None
) -> AccountStatus:
    """Decide whether an account may act, whatever its tokens say; for admins, but not on themselves.

    Raises AdminRequired, UserNotFound, and InvalidInput: it is the caller's own, or the reason is too long.
    """
    caller.require_admin()
    reason = checked_reason(reason)
    id_ = uuid_or(user_id, partial(UserNotFound, "userId"))
    if id_ == caller.user_id and status is not AccountStatus.ACTIVE:
        raise InvalidInput("You cannot lock yourself out: let another admin do it", field="userId")
    if await accounts.set_status(writer, id_, status) is None:
        raise UserNotFound("userId")
    await record(writer, caller, Act(AuditAction.SET_STATUS, id_, reason=reason, details=status))
    return status


async def set_as_operator(writer: Writer, caller: Caller, now: AccountStatus | Role) -> None:
    """Decide whether an account may act, or is an admin's, whatever its tokens say; raises `UserNotFound`."""
    is_role = isinstance(now, Role)
    change = accounts.set_role if is_role else accounts.set_status
    if await change(writer, caller.user_id, now) is None:
        raise UserNotFound("userId")
    action = AuditAction.SET_ROLE if is_role else AuditAction.SET_STATUS
    await record(writer, OPERATOR, Act(action, caller.user_id, details=now))


def check_grant(tokens: int) -> None:
    """Raise `InvalidInput` unless it is a number of tokens that can be granted, whatever the account holds."""
    if tokens <= 0:
        raise InvalidInput("The number of tokens to grant must be positive", field="tokens")


async def refund(writer: Writer, job: VideoJobRow) -> int:
    """Give back what the ledger says a job was charged, and return it; the caller has locked the account.

    The ledger's constraint allows it once a job. What was not charged is not refunded.
    """
    charge = next(
        (entry for entry in await ledger.of_jobs(writer, [job.id]) if entry.kind == LedgerEntryKind.CHARGE), None
    )
    account = await accounts.get(writer, job.user_id)
    used = 0 if charge is None else charge.uncharged - charge.amount
    if charge is None or account is None or not used:
        return 0
    entry = Entry(
        LedgerEntryKind.REFUND,
        -charge.amount,
        spent=-used if charge.created_at >= account.period_start else 0,
        lifetime_spent=-used,
        uncharged=charge.uncharged,
        operation=charge.operation,
        description=f"Refund: {charge.description}" if charge.description else "Refund",
    )
    await ledger.record(writer, job.user_id, entry, video_job_id=job.id)
    return entry.amount


def _address(text: str) -> str:
    """Return an address as accounts have it; raises InvalidInput."""
    address = email_of(text)
    if address is None or re.fullmatch(r"[^\s@]+@[^\s@]+", address) is None:
        shown = repr(text[:LONGEST_EMAIL]) + ("..." if len(text) > LONGEST_EMAIL else "")
        raise InvalidInput(f"{shown} is not an e-mail address", field="email")
    return address


async def _open(writer: Writer, caller: Caller, policy: Policy) -> None:
    period = policy.tier(FIRST_TIER).period
    if await accounts.insert_if_missing(writer, caller.user_id, caller.email, period) and policy.welcome:
        entry = Entry(LedgerEntryKind.WELCOME, policy.welcome, description="Welcome")
        await ledger.record(writer, caller.user_id, entry)


def _is_due(account: Account, policy: Policy) -> bool:
    return policy.tier(account.tier).renews and account.period_end <= datetime.now(UTC)


async def _renew(writer: Writer, account: Account, policy: Policy) -> None:
    """Begin the period that is now; those that nobody looked at leave no trace."""
    period = policy.tier(account.tier).period
    start = account.period_end + (datetime.now(UTC) - account.period_end) // period * period
    await begin_period(writer, account, account.tier, policy, kind=LedgerEntryKind.RESET, actor=SYSTEM, start=start)
