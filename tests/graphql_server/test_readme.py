"""The README of the GraphQL server says what is there: versions and files. Execution stays as short as it says."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "graphql_server"
README = (PACKAGE / "README.md").read_text()
LONGEST_EXECUTION = 600


def test_the_versions_are_those_that_are_pinned() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    named = dict(re.findall(r"\b(strawberry-graphql|graphql-core) (\d[\d.]+\d)", README))

    assert named == {name: version(name) for name in ("strawberry-graphql", "graphql-core")}
    assert {f"{name}=={number}" for name, number in named.items()} <= set(project["dependencies"])


def test_every_module_has_its_place_and_every_file_is_there() -> None:
    purposes, _, _ = README.partition("## Versions")
    named = set(re.findall(r"`((?:execution/)?[a-z_]+\.py)`", purposes))
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "context.py"}

    assert named == modules


def test_execution_stays_short() -> None:
    lines = sum(len(path.read_text().splitlines()) for path in (PACKAGE / "execution").glob("*.py"))

    assert lines <= LONGEST_EXECUTION
