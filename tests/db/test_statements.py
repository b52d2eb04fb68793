"""Rows hold what their annotations say: whoever shows them does not look again."""

import gc
import importlib
import pkgutil
from datetime import datetime
from functools import _lru_cache_wrapper
from types import UnionType
from typing import Any, cast, get_args, get_origin
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import Column, Integer, Text, bindparam, select

import db
from db import accounts, audit, video_job_lists
from db.engine.database import Database
from db.engine.paging import Listing
from db.engine.statements import Row, Statement
from tests.test_error_tables import descendants

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


# Nearly all columns of rows are those of tables.
MANY = 150


class Pair(Row):
    number: int
    text: str


PAIR = Statement(select(bindparam("number", type_=Integer), bindparam("text", "a constant", type_=Text)), Pair)


def kinds() -> set[type[Row]]:
    """Return all kinds of rows that the application has."""
    return {kind for kind in descendants(Row) if kind.__module__.startswith("db.")}


def statements() -> list[Statement[Row]]:
    """Return all statements that return such rows."""
    for module in pkgutil.iter_modules(db.__path__, "db."):
        importlib.import_module(module.name)
    # Those that are put together by what lists are narrowed by: by nothing, and by everything.
    made = [
        make(names)
        for module in (audit, accounts, video_job_lists)
        for make in vars(module).values()
        if isinstance(make, _lru_cache_wrapper)
        for names in ((), tuple(module._CONDITIONS))  # noqa: SLF001 - whatever there is
    ]
    assert made
    found = [statement for statement in gc.get_objects() if issubclass(type(statement), Statement)]
    for listing in [listing for listing in gc.get_objects() if issubclass(type(listing), Listing)]:
        found += [listing.first, listing.following, listing.skipping, listing.counted]
    return [statement for statement in found if statement.row in kinds()]


async def test_columns_have_the_types_of_the_annotations(database: Database) -> None:
    seen = set()
    async with database.raw_connection() as connection:
        for statement in statements():
            prepared = await connection.prepare(statement.sql)
            columns = [_made_of(attribute.type) for attribute in prepared.get_attributes()]
            assert columns == [_without_null(held) for held in statement.row.types().values()]
            seen.add(statement.row)

    assert seen == kinds()


async def test_a_column_that_may_be_null_is_annotated_so() -> None:
    """What shows rows trusts the annotation; a statement may leave the nulls out itself."""
    shown = [
        (f"{statement.row.__name__}.{name}", held, column.nullable and f"{column} IS NOT NULL" not in statement.sql)
        for statement in statements()
        for (name, held), column in zip(statement.row.types().items(), _selected(statement), strict=False)
        if isinstance(column, Column)
    ]

    assert len({name for name, _, _ in shown}) > MANY
    assert [name for name, held, may_be_null in shown if may_be_null and not isinstance(held, UnionType)] == []


def _selected(statement: Statement[Row]) -> list[Any]:
    query: Any = statement._query  # noqa: SLF001 - nobody else asks what it selects
    columns = getattr(query, "exported_columns", ())
    return [next(iter(column.base_columns)) for column in columns]


def _without_null(held: Any) -> type:
    found = get_args(held)[0] if isinstance(held, UnionType) else held
    return cast("type", get_origin(found) or found)


def _made_of(type_: asyncpg.Type) -> type | None:
    return list if type_.kind == "array" else MADE_OF[type_.name]


async def test_a_constant_of_the_statement_is_not_to_be_given(database: Database) -> None:
    (row,) = await database.reader.fetch(PAIR, number=1)

    assert (row.number, row.text) == (1, "a constant")


async def test_there_are_no_other_columns_for_mypy_either(database: Database) -> None:
    (row,) = await database.reader.fetch(PAIR, number=1)

    with pytest.raises(AttributeError):
        _ = row.no_such_column  # type: ignore[attr-defined] # an error, too, where rows are of any type for mypy


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({}, r"lacks the parameters \['number'\]"),
        ({"number": 1, "nmuber": 1}, r"none of the names \['nmuber'\]"),
        ({"nmuber": 1}, r"lacks the parameters \['number'\] and has none of the names \['nmuber'\]"),
        ({"number": 1, "text": "another"}, r"none of the names \['text'\]"),
    ],
)
@pytest.mark.parametrize("kind", ["reader", "transaction"])
async def test_a_parameter_that_is_missing_or_unknown_is_an_error(
    database: Database, kind: str, values: dict[str, object], named: str
) -> None:
    async def send() -> None:
        if kind == "reader":
            await database.reader.fetch(PAIR, **values)
        else:
            async with getattr(database, kind)() as transaction:
                await transaction.fetch(PAIR, **values)

    with pytest.raises(TypeError, match=named):
        await send()
