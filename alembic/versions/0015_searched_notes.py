"""The searched text of looks, with the notes behind a mark: only whoever may read them finds a look by them."""

import unicodedata
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "searched_notes"
down_revision: str | Sequence[str] | None = "makers"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BATCH = 1000
# What has no notes stays as it is.
NEXT = sa.text(
    """SELECT id, updated_at, notes, concat_ws(' ', title, (
        SELECT string_agg(concat_ws(' ', name, nullif(sku, '')), ' ' ORDER BY position)
        FROM products WHERE look_id = looks.id
    )) AS others
    FROM looks WHERE notes IS NOT NULL AND id > :after ORDER BY id LIMIT :most"""
)
CHANGE = sa.text("UPDATE looks SET search_text = :words WHERE id = :look AND updated_at = :read_at")
NOBODYS = "00000000-0000-0000-0000-000000000000"


def upgrade() -> None:
    """Apply. What the release before changes meanwhile or later is found by its notes until it is changed again."""
    if op.get_context().as_sql:
        return  # there is nothing to read
    connection, after = op.get_bind(), NOBODYS
    while rows := connection.execute(NEXT, {"after": after, "most": BATCH}).all():
        changes = [
            {"look": row.id, "read_at": row.updated_at, "words": f"{folded(row.others)}\x1f{folded(row.notes)}"}
            for row in rows
        ]
        connection.execute(CHANGE, changes)
        after = str(rows[-1].id)


def folded(text: str) -> str:
    """Return a text as `db.engine.search.searchable` did when this was written."""
    text = unicodedata.normalize("NFD", text).casefold().replace("\u0131", "i").replace("i\u0307", "i")
    return unicodedata.normalize("NFC", text)
