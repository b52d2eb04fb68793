"""Searching looks, and listing public and all of them: a column with what is searched, and the indexes."""

import logging
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0002"

logger = logging.getLogger("lookreel.db")

FILL = """
UPDATE looks SET search_text = lower(concat_ws(' ', title, notes, (
    SELECT string_agg(concat_ws(' ', name, sku), ' ' ORDER BY position) FROM products WHERE look_id = looks.id)))
"""
# Not allowed to make it; not allowed on this server; its files are missing; it is in a schema that is not searched.
NOT_TO_BE_HAD = {"42501", "0A000", "58P01", "42704"}
HAS_PG_TRGM = "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')"


def upgrade() -> None:
    """Apply. Where pg_trgm is not to be had, searches go along the newest-first indexes instead."""
    op.add_column("looks", sa.Column("search_text", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.execute(FILL)
    op.create_index(
        "ix_looks_all_newest_first", "looks", [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")]
    )
    op.create_index(
        "ix_looks_public_newest_first",
        "looks",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        postgresql_where=sa.text("visibility = 'public'"),
    )
    if op.get_bind().scalar(sa.text(HAS_PG_TRGM)):
        try:
            with op.get_bind().begin_nested():
                op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
                op.execute("CREATE INDEX ix_looks_search_text ON looks USING gin (search_text gin_trgm_ops)")
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in NOT_TO_BE_HAD:
                raise
            logger.warning("Searches go without an index, since pg_trgm cannot be had: %s", error.driver_exception)
