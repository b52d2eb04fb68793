"""How Alembic reaches the database: on the connection it is handed, one migration at a time for the whole fleet."""

from collections.abc import Mapping

from alembic import context
from sqlalchemy import Connection, text

from db.tables import Base

# Any number will do, as long as every process uses the same one.
MIGRATION_LOCK = 0x10_0C_4EE1
# In seconds. Asked for again and again: whoever waits inside of a statement keeps CREATE INDEX CONCURRENTLY waiting.
ASK_AGAIN = 0.2


def include_name(name: str | None, type_: str, _parents: Mapping[str, str | None]) -> bool:
    """Leave PgQueuer's tables to PgQueuer, and the search index to the revision that makes it where it can."""
    if type_ == "index":
        return name != "ix_looks_search_text"
    return not (type_ == "table" and name is not None and name.startswith("pgqueuer"))


def run(connection: Connection) -> None:
    """Migrate in one transaction, behind an advisory lock that ends with the connection.

    A migration's `autocommit_block`, for what cannot be in a transaction, commits those before it.
    """
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": MIGRATION_LOCK}):
        connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": ASK_AGAIN})
        connection.commit()
    # A migration that cannot get its table within this time gives up instead of queueing every reader behind it;
    # `db.migrations` tries again.
    connection.execute(text("SET lock_timeout = '2s'"))
    connection.commit()
    context.configure(connection=connection, target_metadata=Base.metadata, include_name=include_name)
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
