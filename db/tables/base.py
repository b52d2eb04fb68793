"""What every table has in common."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, Double, Index, MetaData, Text, UnaryExpression, desc, text
from sqlalchemy.orm import DeclarativeBase


def one_of(column: str, members: type[StrEnum]) -> CheckConstraint:
    """Allow just the members of an enumeration; a check is altered without a lock, a PostgreSQL enum type is not."""
    values = ", ".join(f"'{member.value}'" for member in members)
    return CheckConstraint(f"{column} IN ({values})", name=column)


def index(
    name: str,
    *columns: str | UnaryExpression[Any],
    newest_first: bool = False,
    unique: bool = False,
    where: str | None = None,
) -> Index:
    """Return an index, of some rows or all, in which those of equal columns may come newest first."""
    order: list[UnaryExpression[Any]] = [desc("created_at"), desc("id")] if newest_first else []
    return Index(name, *columns, *order, unique=unique, postgresql_where=None if where is None else text(where))


class Base(DeclarativeBase):
    """Common ground: constraint names that Alembic can drop, texts of any length, times with a zone, doubles."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: Text, datetime: DateTime(timezone=True), float: Double}  # noqa: RUF012 - SQLAlchemy's own protocol
