"""GraphQL's plain fields: columns of their row, described by what both APIs say."""

import pytest
import strawberry

from db.engine.statements import Row
from schema.fields import described, shows


class Kept(Row):
    name: str
    notes: str | None


def test_a_field_is_described_and_keeps_its_default() -> None:
    @strawberry.input
    @described
    class Given:
        name: str
        notes: str | None = None
        sku: str | None = strawberry.field(default="none", description="As the working calls it")

    @strawberry.type
    class Query:
        @strawberry.field
        def it(self, given: Given) -> str:
            return str(given)

    text = str(strawberry.Schema(Query)).partition("input Given {")[2].partition("}")[0]

    assert (Given(name="A").notes, Given(name="A").sku) == (None, "none")
    assert [line.strip() for line in text.splitlines() if line] == [
        '"""What it is called"""',
        "name: String!",
        '"""The owner\'s notes"""',
        "notes: String = null",
        '"""As the working calls it"""',
        'sku: String = "none"',
    ]


def test_a_field_that_nothing_describes_is_refused() -> None:
    class Shown:
        unheard_of: str

    with pytest.raises(TypeError, match=r"must say what .*Shown\.unheard_of means"):
        described(Shown)


def test_a_column_that_is_not_shown_is_refused() -> None:
    class Shown:
        name: str

    with pytest.raises(TypeError, match=r"Shown must declare notes: .*, as Kept does"):
        shows(Kept)(Shown)
    assert shows(Kept, hidden={"notes"})(Shown) is Shown


def test_a_plain_field_without_a_column_is_refused() -> None:
    class Shown:
        name: str
        notes: str | None
        title: str

    with pytest.raises(TypeError, match=r"Kept has no columns for \['title'\] of .*Shown"):
        shows(Kept)(Shown)


def test_a_field_with_a_rule_of_its_own_needs_no_column() -> None:
    class Shown:
        name: str
        notes: str | None
        title: str = strawberry.field(resolver=lambda: "A", description="Made up")

    assert shows(Kept)(Shown) is Shown
