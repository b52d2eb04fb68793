"""How Alembic reaches the database: on the connection it is handed, one migration at a time for the whole fleet."""

from collections.abc import Mapping

from alembic import context
from sqlalchemy import Connection, text

from db.tables import Base

# Any number will do, as long as every process uses the same one.
MIGRATION_LOCK = 0x10_0C_4EE1


def include_name(name: str | None, type_: str, _parents: Mapping[str, str | None]) -> bool:
    """Leave PgQueuer's tables to PgQueuer, and the search index to the revision that makes it where it can."""
    if type_ == "index":
        return name != "ix_looks_search_text"
    return not (type_ == "table" and name is not None and name.startswith("pgqueuer"))


def run(connection: Connection) -> None:
    """Migrate in one transaction, behind an advisory lock that ends with it."""
    context.configure(connection=connection, target_metadata=Base.metadata, include_name=include_name)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        # A migration that cannot get its table within this time gives up instead of queueing every reader behind it.
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        context.run_migrations()


run(context.config.attributes["connection"])
