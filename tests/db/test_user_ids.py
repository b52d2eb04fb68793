"""Which statements would go to one node of a cluster that is divided by user, as docs/SCALING.md lists it."""

import importlib
import pkgutil
import re
from functools import _lru_cache_wrapper
from pathlib import Path
from types import ModuleType
from typing import Any

import db
from db.engine.paging import Listing
from db.engine.statements import Statement
from db.looks import LookView
from db.tables import Base

SCALING = Path(__file__).parents[2] / "docs" / "SCALING.md"
# What is nobody's: it would stand on one node, or on each.
SHARED = {"creation_pauses", "file_removals", "submission_pace", "workers"}
# Of what puts statements together, where it takes more than the names of what narrows a list.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "_change": {"names": (), "now": (), "parts": ()},
    "_first": {"any_status": True},
    "_listing_of": {"view": LookView.PUBLIC, "narrowed_by": frozenset(), "has_videos": True},
}
DIVIDED = {table.name for table in Base.metadata.sorted_tables} - SHARED


def names_user(sql: str, table: str) -> bool:
    """Whether the statement says whose rows of the table it means, wherever it uses that."""
    if table == "look_shares":
        return False  # who is named there is whom a look of another is shared with
    key = "id" if table == "users" else "user_id"
    used = re.findall(rf"\b(?:FROM|JOIN|UPDATE|INTO) {table}\b", sql)
    named = re.findall(rf"INTO {table} \([^)]*\b{key}\b|(?<!OR ){table}\.{key} = \$\d+(?!\S* OR\b)", sql)
    return len(named) >= len(used)


def goes_to_one_node(sql: str) -> bool:
    return all(names_user(sql, table) for table in DIVIDED if re.search(rf"\b{table}\b", sql))


def statements(module: ModuleType) -> dict[str, str]:
    """Return the SQL of a module's statements by their names: of those that are put together, the simplest."""
    found = {}
    for name, value in vars(module).items():
        is_ours = isinstance(value, _lru_cache_wrapper) and value.__module__ == module.__name__
        made = value(**ARGUMENTS.get(name, {"names": ()})) if is_ours else value
        statement = made.first if isinstance(made, Listing) else made
        if isinstance(statement, Statement):
            found[f"{module.__name__.removeprefix('db.')}.{name}"] = statement.sql
    return found


def test_the_statements_that_name_no_user_are_listed() -> None:
    modules = [importlib.import_module(module.name) for module in pkgutil.iter_modules(db.__path__, "db.")]
    sql = {name: text for module in modules for name, text in statements(module).items()}
    section = SCALING.read_text().partition("### Statements that name no user")[2].partition("\n## ")[0]

    assert {"video_jobs._AS_CREATED", "creations._WRITE", "ledger._RECORD"} <= sql.keys()
    expected = {name for name, text in sql.items() if not goes_to_one_node(text)}
    listed = set(re.findall(r"`([a-z_]+\.[A-Za-z_]+)`", section))
    assert (expected - listed, listed - expected) == (set(), set()), "to be added to the list, and to be taken from it"
