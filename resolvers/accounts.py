"""Accounts: made on first sight with a welcome of tokens, topped up through the ledger."""

from uuid import NAMESPACE_URL, uuid5

from auth.caller import Caller
from db import accounts
from db.models import LedgerEntryKind, User, VideoJob
from db.session import Session
from resolvers.errors import InvalidInput

# What a new account starts with (contract.md, 'Tokens').
WELCOME_TOKENS = 100


async def open_account(session: Session, caller: Caller) -> User:
    """Return the caller's account, made if this is the first time they are seen, however many of them come at once."""
    user = await accounts.get(session, caller.user_id)
    if user is None:
        if await accounts.insert_if_missing(session, caller.user_id, caller.email):
            await accounts.change_balance(session, caller.user_id, LedgerEntryKind.WELCOME, WELCOME_TOKENS)
        return await _existing(session, caller)
    if caller.email is not None and user.email != caller.email:
        await accounts.set_email(session, user.id, caller.email)
    return user


async def lock_account(session: Session, caller: Caller) -> User:
    """Return the caller's account, kept from every other writer until the transaction ends."""
    user = await accounts.lock(session, caller.user_id)
    if user is None:
        await open_account(session, caller)
        return await _existing(session, caller)
    return user


async def account_for_email(session: Session, email: str) -> Caller:
    """Return who has that address; a new address gets an id made of it, so that asking twice gives one account."""
    email = email.strip().lower()
    if "@" not in email:
        raise InvalidInput(f"'{email}' is not an e-mail address", field="email")
    known = await accounts.find_by_email(session, email)
    return Caller(user_id=known.id if known else uuid5(NAMESPACE_URL, f"mailto:{email}"), email=email)


async def grant(session: Session, caller: Caller, tokens: int) -> int:
    """Add tokens to an account through the ledger; return the new balance."""
    if tokens <= 0:
        raise InvalidInput("The number of tokens to grant must be positive", field="tokens")
    await lock_account(session, caller)
    return await accounts.change_balance(session, caller.user_id, LedgerEntryKind.GRANT, tokens)


async def refund(session: Session, job: VideoJob) -> None:
    """Give a job's tokens back; the caller has locked the account. The ledger's constraint allows it once a job."""
    kind = LedgerEntryKind.REFUND
    await accounts.change_balance(session, job.user_id, kind, job.tokens_consumed, video_job_id=job.id)


async def _existing(session: Session, caller: Caller) -> User:
    user = await accounts.lock(session, caller.user_id)
    if user is None:
        raise LookupError(f"The account {caller.user_id} vanished while it was being opened")
    return user
