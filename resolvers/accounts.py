"""Accounts: made on first sight with a welcome of tokens, topped up through the ledger."""

from typing import TypeVar
from uuid import NAMESPACE_URL, uuid5

from auth.caller import Caller
from db import accounts
from db.accounts import Account
from db.models import LedgerEntryKind, User, VideoJob
from db.session import Session
from db.statements import Writer
from resolvers.errors import InvalidInput

# What a new account starts with (contract.md, 'Tokens').
WELCOME_TOKENS = 100

Found = TypeVar("Found")


async def open_account(session: Session, caller: Caller) -> User:
    """Return the caller's account, made if this is the first time they are seen, however many of them come at once."""
    user = await accounts.get(session, caller.user_id)
    if user is None:
        await _open(session, caller)
        return _there(caller, await accounts.get(session, caller.user_id))
    if caller.email is not None and user.email != caller.email:
        await accounts.set_email(session, user.id, caller.email)
    return user


async def lock_account(writer: Writer, caller: Caller) -> Account:
    """Return the caller's account, kept from every other writer until the transaction ends."""
    account = await accounts.lock(writer, caller.user_id)
    if account is None:
        await _open(writer, caller)
        return _there(caller, await accounts.lock(writer, caller.user_id))
    return account


async def account_for_email(session: Session, email: str) -> Caller:
    """Return who has that address; a new address gets an id made of it, so that asking twice gives one account."""
    email = email.strip().lower()
    if "@" not in email:
        raise InvalidInput(f"'{email}' is not an e-mail address", field="email")
    known = await accounts.find_by_email(session, email)
    return Caller(user_id=known.id if known else uuid5(NAMESPACE_URL, f"mailto:{email}"), email=email)


async def grant(writer: Writer, caller: Caller, tokens: int) -> int:
    """Add tokens to an account through the ledger; return the new balance."""
    if tokens <= 0:
        raise InvalidInput("The number of tokens to grant must be positive", field="tokens")
    await lock_account(writer, caller)
    return await accounts.change_balance(writer, caller.user_id, LedgerEntryKind.GRANT, tokens)


async def refund(writer: Writer, job: VideoJob) -> None:
    """Give a job's tokens back; the caller has locked the account. The ledger's constraint allows it once a job."""
    kind = LedgerEntryKind.REFUND
    await accounts.change_balance(writer, job.user_id, kind, job.tokens_consumed, video_job_id=job.id)


async def _open(writer: Writer, caller: Caller) -> None:
    if await accounts.insert_if_missing(writer, caller.user_id, caller.email):
        await accounts.change_balance(writer, caller.user_id, LedgerEntryKind.WELCOME, WELCOME_TOKENS)


def _there(caller: Caller, found: Found | None) -> Found:
    if found is None:
        raise LookupError(f"The account {caller.user_id} vanished while it was being opened")
    return found
