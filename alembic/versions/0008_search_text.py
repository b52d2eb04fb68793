"""The searched text of looks, without regard to how letters are composed, and to case beyond English."""

import unicodedata
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "search_text"
down_revision: str | Sequence[str] | None = "0007"

BATCH = 1000
# What is plain ASCII stays as it is, which is most of it.
NEXT = sa.text(
    """SELECT id, search_text FROM looks
    WHERE octet_length(search_text) <> char_length(search_text) AND id > :after ORDER BY id LIMIT :most"""
)
CHANGE = sa.text("UPDATE looks SET search_text = :folded WHERE id = :look")
NOBODYS = "00000000-0000-0000-0000-000000000000"


def upgrade() -> None:
    """Apply. Looks of the release before are found as before meanwhile, by English letters at least."""
    connection, after = op.get_bind(), NOBODYS
    while rows := connection.execute(NEXT, {"after": after, "most": BATCH}).all():
        changes = [{"look": row.id, "folded": folded(row.search_text)} for row in rows]
        connection.execute(CHANGE, changes)
        after = str(rows[-1].id)


def folded(text: str) -> str:
    """Return a text as `db.engine.paging.searchable` did when this was written."""
    text = unicodedata.normalize("NFD", text).casefold().replace("\u0131", "i").replace("i\u0307", "i")
    return unicodedata.normalize("NFC", text)
