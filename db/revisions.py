"""Which of the schema's versions a database has. Alembic, which takes a while to load, is for bringing it others."""

import re
from pathlib import Path

from sqlalchemy import Text, bindparam, column, exists, func, select, table

from db.engine.errors import DatabaseForeign, DatabaseNotMigrated
from db.engine.statements import Flag, Reader, Row, Statement, spelled

_SCRIPTS = Path(__file__).parent.parent / "alembic" / "versions"


def _revisions() -> tuple[frozenset[str], frozenset[str]]:
    """Return the revisions that no other one follows, and all of them."""
    text = "\n".join(script.read_text() for script in _SCRIPTS.glob("*.py"))
    revisions, followed = (
        set(re.findall(rf'^{name}: .* = "(\w+)"$', text, re.MULTILINE)) for name in ("revision", "down_revision")
    )
    return frozenset(revisions - followed), frozenset(revisions)


HEADS, KNOWN = _revisions()
"""The last revision of each branch in `alembic/versions`, and every one."""
OPTIONAL = frozenset({"0003"})
"""The branch that makes the look_videos table: its time is the owner's (decision 4)."""
WAY_OUT = (
    "Deploy the release that migrated it; or give Lookreel a database of its own, or a schema of its own by "
    "`search_path`."
)


class _Applied(Row):
    revision: str


_TABLE = "alembic_version"
# Of Alembic's, that is: somebody else's may have other columns.
_COLUMNS = table("pg_attribute", column("attrelid"), column("attname"))
_TABLE_EXISTS = Statement(
    select(
        exists().where(
            _COLUMNS.c.attrelid == func.to_regclass(bindparam("name", _TABLE, type_=Text)),
            _COLUMNS.c.attname == spelled("version_num"),
        )
    ),
    Flag,
)
_APPLIED = Statement(select(column("version_num", Text)).select_from(table(_TABLE)), _Applied)


async def applied(reader: Reader) -> frozenset[str]:
    """Return the last revision of each branch that the database has, as Alembic keeps them; none in an empty one.

    Raises DatabaseUnavailable.
    """
    is_there = await reader.is_so(_TABLE_EXISTS)
    return frozenset(row.revision for row in await reader.fetch(_APPLIED)) if is_there else frozenset()


async def require(reader: Reader) -> None:
    """Look whether the database is Lookreel's, before anything is asked of it that somebody else's might answer.

    Raises DatabaseNotMigrated, DatabaseForeign, DatabaseUnavailable.
    """
    there = await applied(reader)
    if there - KNOWN:
        raise DatabaseForeign(f"The database was migrated by something else, or by a newer release. {WAY_OUT}")
    if not there:
        raise DatabaseNotMigrated


async def are_applied(reader: Reader) -> bool:
    """Whether the database has every revision that this code knows; raises as `applied` does."""
    return await applied(reader) == HEADS
