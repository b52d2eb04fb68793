"""A class that repeats what another one declares is compared with it when it is made."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NewType
from uuid import UUID

import pytest

from db.engine.statements import Row
from db.specification import declares

Id = NewType("Id", str)
Number = NewType("Number", int)


class Status(StrEnum):
    OPEN = "OPEN"


class Kept(Row):
    id: UUID
    owner: UUID | None
    status: str
    note: str | None
    size: int | None
    price: float
    made_at: datetime


SAME: dict[str, Any] = dict(Kept.__annotations__)
SHOWN: dict[str, Any] = SAME | {"id": Id, "owner": Id | None, "status": Status, "size": float | None}


def shown(annotations: dict[str, Any]) -> type:
    return type("Shown", (), {"__annotations__": annotations})


@pytest.mark.parametrize("annotations", [SAME, SHOWN, SHOWN | {"more": list[str]}])
def test_every_column_may_be_shown_as_what_it_is(annotations: dict[str, Any]) -> None:
    kind = shown(annotations)

    assert declares(Kept)(kind) is kind


@pytest.mark.parametrize("name", Kept.columns())
def test_a_column_is_shown_or_hidden(name: str) -> None:
    kind = shown({other: type_ for other, type_ in SHOWN.items() if other != name})

    assert declares(Kept, hidden={name})(kind) is kind
    with pytest.raises(TypeError, match=f"Shown must declare {name}: .*, as Kept does, or hide it"):
        declares(Kept)(kind)


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("id", Id | None),
        ("id", Number),
        ("id", Status),
        ("owner", Id),
        ("status", Status | None),
        ("status", int),
        ("status", Id),
        ("note", str),
        ("note", str | int | None),
        ("size", int),
        ("size", bool | None),
        ("price", int),
        ("made_at", str),
    ],
)
def test_a_column_is_not_shown_as_something_else(name: str, type_: object) -> None:
    with pytest.raises(TypeError, match=f"Shown must declare {name}: "):
        declares(Kept)(shown(SHOWN | {name: type_}))


def test_each_of_several_rows_is_compared() -> None:
    class Other(Row):
        id: UUID
        title: str

    with pytest.raises(TypeError, match=r"Shown must declare title: .*, as Other does"):
        declares(Kept, Other)(shown(SHOWN))
