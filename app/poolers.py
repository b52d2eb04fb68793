"""Whether a pooler in front of PostgreSQL does what the settings say (decision 45)."""

from app.environment import InvalidSettings
from db.engine.connections import Server
from db.engine.database import Database
from db.engine.errors import DatabaseUnavailable
from db.engine.limits import PoolerMode
from db.engine.poolers import honours_mode

DIRECT = "DATABASE_DIRECT_URL"


async def refusal_of(server: Server, name: str) -> str | None:
    """Say what is wrong with the pooler that the setting of that name leads to, and what to do; None where all is well.

    Raises DatabaseUnavailable.
    """
    if await honours_mode(server):
        return None
    if server.mode is PoolerMode.TRANSACTION:
        return (
            f"{name} leads to a pooler that loses prepared statements. Set its max_prepared_statements (PgBouncer 1.21 "
            "or newer), or DATABASE_POOLER_MODE to transaction-unnamed."
        )
    remedy = (
        "let it name PostgreSQL itself"
        if name == DIRECT
        else f"set DATABASE_POOLER_MODE to transaction or transaction-unnamed and {DIRECT} to PostgreSQL itself"
    )
    return (
        f"{name} leads to a pooler in transaction mode, which gives each transaction another session: set the pooler "
        f"to session mode for this user, or {remedy}."
    )


async def require_mode(database: Database) -> None:
    """Refuse to run where a pooler cannot do what the settings say; a database that is not there may still come.

    Raises InvalidSettings.
    """
    await require_honoured(database.pooled, "DATABASE_URL")
    if database.server.url != database.pooled.url:
        await require_honoured(database.server, DIRECT)


async def require_honoured(server: Server, name: str) -> None:
    """Refuse to run where what that setting leads to cannot do what its mode says; raises InvalidSettings."""
    try:
        refusal = await refusal_of(server, name)
    except DatabaseUnavailable:
        return
    if refusal:
        raise InvalidSettings(refusal)
