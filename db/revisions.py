"""Which of the schema's versions a database has. Alembic, which takes a while to load, is for bringing it others."""

from sqlalchemy import Text, column, select, table

from db.errors import DatabaseNotMigrated
from db.statements import Reader, Row, Statement

HEADS = frozenset({"0003", "0005"})
"""The last revision of each branch in `alembic/versions`."""


class _Applied(Row):
    revision: str


_APPLIED = Statement(select(column("version_num", Text)).select_from(table("alembic_version")), _Applied)


async def applied(reader: Reader) -> frozenset[str]:
    """Return the last revision of each branch that the database has, as Alembic keeps them; none in an empty one.

    Raises:
        DatabaseUnavailable

    """
    try:
        return frozenset(row.revision for row in await reader.fetch(_APPLIED))
    except DatabaseNotMigrated:
        return frozenset()


async def are_applied(reader: Reader) -> bool:
    """Whether the database has every revision that this code knows; raises as `applied` does."""
    return await applied(reader) == HEADS
