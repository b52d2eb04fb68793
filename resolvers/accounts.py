"""Accounts: made on first sight with a welcome of tokens, topped up through the ledger."""

import re
from uuid import NAMESPACE_URL, UUID, uuid5

from auth.caller import LONGEST_EMAIL, AccountStatus, Caller, Role, email_of
from db import accounts
from db.accounts import Account
from db.engine.statements import Reader, Writer
from db.tables import LedgerEntryKind
from db.video_jobs import VideoJobRow
from resolvers.errors import InvalidInput, UserNotFound
from resolvers.ids import uuid_of

# What a new account starts with (contract.md, 'Tokens').
WELCOME_TOKENS = 100
# A balance is an `int4`; what is above is for refunds, which must never fail.
LARGEST_BALANCE = 2_000_000_000
# How many accounts of one address are named.
NAMED_ACCOUNTS = 10


async def open_account(writer: Writer, caller: Caller) -> Account:
    """Return the caller's account, made if this is the first time they are seen, however many of them come at once."""
    account = await accounts.get(writer, caller.user_id)
    if account is None:
        await _open(writer, caller)
        return _there(caller, await accounts.get(writer, caller.user_id))
    if caller.email is not None and account.email != caller.email:
        await accounts.set_email(writer, account.id, caller.email)
    return account


async def lock_account(writer: Writer, caller: Caller) -> Account:
    """Return the caller's account, kept from every other writer until the transaction ends."""
    account = await accounts.lock(writer, caller.user_id)
    if account is None:
        await _open(writer, caller)
        return _there(caller, await accounts.lock(writer, caller.user_id))
    return account


async def account_for_email(reader: Reader, email: str, user_id: UUID | None = None) -> Caller:
    """Return who has that address, or will have it: a new one gets an id made of it, so that asking twice gives one.

    Raises:
        InvalidInput: it is no address, or several accounts have it and `user_id` does not say which is meant

    """
    address = _address(email)
    if user_id is None:
        known = await accounts.ids_by_email(reader, address, NAMED_ACCOUNTS)
        if len(known) > 1:
            ids = ", ".join(map(str, known))
            raise InvalidInput(f"Several accounts have the address {address}: say which of {ids}", field="email")
        user_id = known[0] if known else uuid5(NAMESPACE_URL, f"mailto:{address}")
    return Caller(user_id=user_id, email=address)


async def find_account(reader: Reader, caller: Caller) -> Account | None:
    """Return the caller's account, None where there is none yet.

    Raises:
        InvalidInput: it has another address

    """
    account = await accounts.get(reader, caller.user_id)
    if account is not None and account.email not in {None, caller.email}:
        raise InvalidInput(f"The account {account.id} has not the address {caller.email}", field="email")
    return account


async def set_status(writer: Writer, caller: Caller, user_id: str, status: AccountStatus) -> AccountStatus:
    """Decide whether an account may act, whatever its tokens say; for admins, but not on themselves.

    Raises:
        AdminRequired, UserNotFound
        InvalidInput: it is the caller's own

    """
    caller.require_admin()
    try:
        id_ = uuid_of(user_id)
    except ValueError:
        raise UserNotFound("userId") from None
    if id_ == caller.user_id and status is not AccountStatus.ACTIVE:
        raise InvalidInput("You cannot lock yourself out: let another admin do it", field="userId")
    if await accounts.set_status(writer, id_, status) is None:
        raise UserNotFound("userId")
    return status


async def set_status_of(writer: Writer, caller: Caller, status: AccountStatus) -> None:
    """Decide it for an operator, who needs no account of their own; raises `UserNotFound`."""
    if await accounts.set_status(writer, caller.user_id, status) is None:
        raise UserNotFound("userId")


async def set_role_of(writer: Writer, caller: Caller, role: Role) -> None:
    """Make an account an admin's, whatever its tokens say, or no longer; raises `UserNotFound`."""
    if await accounts.set_role(writer, caller.user_id, role) is None:
        raise UserNotFound("userId")


def check_grant(tokens: int) -> None:
    """Raise `InvalidInput` unless it is a number of tokens that an account can be given at once."""
    if tokens <= 0:
        raise InvalidInput("The number of tokens to grant must be positive", field="tokens")
    if tokens > LARGEST_BALANCE:
        raise InvalidInput(f"An account holds at most {LARGEST_BALANCE} tokens", field="tokens")


async def grant(writer: Writer, caller: Caller, tokens: int) -> int:
    """Add tokens to an account through the ledger; return the new balance.

    Raises:
        InvalidInput: the number is not positive, or more than the account can hold

    """
    check_grant(tokens)
    account = await lock_account(writer, caller)
    if account.tokens + tokens > LARGEST_BALANCE:
        message = f"An account holds at most {LARGEST_BALANCE} tokens; this one has {account.tokens}"
        raise InvalidInput(message, field="tokens")
    return await accounts.change_balance(writer, caller.user_id, LedgerEntryKind.GRANT, tokens)


async def refund(writer: Writer, job: VideoJobRow) -> None:
    """Give a job's tokens back; the caller has locked the account. The ledger's constraint allows it once a job."""
    kind = LedgerEntryKind.REFUND
    await accounts.change_balance(writer, job.user_id, kind, job.tokens_consumed, video_job_id=job.id)


def _address(text: str) -> str:
    """Return an address as accounts have it.

    Raises:
        InvalidInput

    """
    address = email_of(text)
    if address is None or re.fullmatch(r"[^\s@]+@[^\s@]+", address) is None:
        shown = repr(text[:LONGEST_EMAIL]) + ("..." if len(text) > LONGEST_EMAIL else "")
        raise InvalidInput(f"{shown} is not an e-mail address", field="email")
    return address


async def _open(writer: Writer, caller: Caller) -> None:
    if await accounts.insert_if_missing(writer, caller.user_id, caller.email):
        await accounts.change_balance(writer, caller.user_id, LedgerEntryKind.WELCOME, WELCOME_TOKENS)


def _there(caller: Caller, found: Account | None) -> Account:
    if found is None:
        raise LookupError(f"The account {caller.user_id} vanished while it was being opened")
    return found
