"""Rows hold what their annotations say: whoever shows them does not look again."""

import gc
import importlib
import pkgutil
from datetime import datetime
from uuid import UUID

import asyncpg

import db
from db.pages import Listing
from db.session import Database
from db.statements import Row, Statement

# What asyncpg makes of PostgreSQL's types.
MADE_OF: dict[str, type | None] = {
    "bool": bool,
    "float8": float,
    "bytea": bytes,
    "int2": int,
    "int4": int,
    "int8": int,
    "text": str,
    "timestamptz": datetime,
    "uuid": UUID,
    "varchar": str,
    "void": None,
}


def kinds() -> set[type[Row]]:
    """Return all kinds of rows that the application has."""
    return {kind for kind in Row.__subclasses__() if kind.__module__.startswith("db.")}


def statements() -> list[Statement[Row]]:
    """Return all statements that return such rows."""
    for module in pkgutil.iter_modules(db.__path__, "db."):
        importlib.import_module(module.name)
    found = [statement for statement in gc.get_objects() if isinstance(statement, Statement)]
    for listing in [listing for listing in gc.get_objects() if isinstance(listing, Listing)]:
        found += [listing.first, listing.following, listing.skipping, listing.total]
    return [statement for statement in found if statement.row in kinds()]


async def test_columns_have_the_types_of_the_annotations(database: Database) -> None:
    seen = set()
    async with database.raw_connection() as connection:
        for statement in statements():
            prepared = await connection.prepare(statement.sql)
            columns = [_made_of(attribute.type) for attribute in prepared.get_attributes()]
            assert list(zip(statement.row.types(), columns, strict=True)) == list(statement.row.types().items())
            seen.add(statement.row)

    assert seen == kinds()


def _made_of(type_: asyncpg.Type) -> type | None:
    return list if type_.kind == "array" else MADE_OF[type_.name]
