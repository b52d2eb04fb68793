"""The checklist for a new field names places that are there, and each of them has every field of today."""

import re
from pathlib import Path

import pytest

from db.specification import SPECIFIED
from tests.test_docs import ROOT, rows

ADD_A_FIELD = (ROOT / "docs" / "howto" / "add-a-field.md").read_text()
PLACES = [place.strip("`") for place in rows(ADD_A_FIELD, "Places")]
MOST_PLACES = 10
# They ask for videos as a client does, who need not give every field.
CLIENTS = {"app/demo.py", "schema/playground.py"}


def words(path: Path) -> set[str]:
    """Return the names in a file, or in a folder's modules; `aspectRatio` is `aspect_ratio`."""
    files = path.glob("*.py") if path.is_dir() else [path]
    names = re.findall(r"\w+", "\n".join(file.read_text() for file in files))
    return {re.sub(r"(?<=[a-z])[A-Z]", lambda capital: f"_{capital[0].lower()}", name) for name in names}


def test_there_are_few_places() -> None:
    assert 0 < len(PLACES) <= MOST_PLACES


@pytest.mark.parametrize("place", PLACES)
def test_each_place_has_every_field(place: str) -> None:
    assert set(SPECIFIED) - words(ROOT / place) == set()


def test_no_other_place_names_every_field() -> None:
    """A list that is written out somewhere else is one that can be forgotten."""
    folders = ("app", "auth", "db", "providers", "resolvers", "rest_compat", "schema", "worker")
    modules = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]

    complete = {str(path.relative_to(ROOT)) for path in modules if set(SPECIFIED) <= words(path)}

    assert complete - set(PLACES) - CLIENTS == set()
