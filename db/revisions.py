"""Which of the schema's versions a database has. Alembic, which takes a while to load, is for bringing it others."""

from sqlalchemy import Text, bindparam, column, func, select, table

from db.engine.statements import Reader, Row, Statement

HEADS = frozenset({"0003", "0006_wallet"})
"""The last revision of each branch in `alembic/versions`."""


class _Applied(Row):
    revision: str


class _Found(Row):
    exists: bool


_TABLE = "alembic_version"
_TABLE_EXISTS = Statement(select(func.to_regclass(bindparam("name", _TABLE, type_=Text)).is_not(None)), _Found)
_APPLIED = Statement(select(column("version_num", Text)).select_from(table(_TABLE)), _Applied)


async def applied(reader: Reader) -> frozenset[str]:
    """Return the last revision of each branch that the database has, as Alembic keeps them; none in an empty one.

    Raises:
        DatabaseUnavailable

    """
    (found,) = await reader.fetch(_TABLE_EXISTS)
    return frozenset(row.revision for row in await reader.fetch(_APPLIED)) if found.exists else frozenset()


async def are_applied(reader: Reader) -> bool:
    """Whether the database has every revision that this code knows; raises as `applied` does."""
    return await applied(reader) == HEADS
