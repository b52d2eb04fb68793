"""Which account a command line means: by its address, by its id, or by both where several have the address."""

from typing import Annotated
from uuid import UUID

import typer

from app.settings import Settings
from auth.caller import Caller
from auth.tokens import user_id_of
from db import accounts as rows
from db.engine.statements import Reader
from resolvers import accounts
from resolvers.errors import InvalidInput

AnyEmail = Annotated[str | None, typer.Option(help="The account's address; or give --user-id")]
AnyUserId = Annotated[str | None, typer.Option(help="The user's id, where it is not the one that the address has")]


def subject(settings: Settings, user_id: str | None) -> UUID | None:
    """Read an id as a token's subject is read; raises ValueError."""
    return None if user_id is None else user_id_of(user_id, settings.jwt_issuer or "")


async def account_of(settings: Settings, reader: Reader, email: str | None, user_id: str | None) -> Caller:
    """Return whose account is meant, which is there; raises InvalidInput, ValueError."""
    known = subject(settings, user_id)
    if email is not None:
        caller = await accounts.account_for_email(reader, email, known)
        account = await accounts.find_account(reader, caller)
    elif known is not None:
        caller = Caller(known, None)
        account = await rows.get(reader, known)
    else:
        raise InvalidInput("Say whose account it is: --email or --user-id")
    if account is None:
        raise InvalidInput(f"There is no account of {caller.email or caller.user_id}.")
    return caller
