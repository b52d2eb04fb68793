"""A specification's fields reach every place: who leaves one out is told so when the module is loaded."""

from dataclasses import dataclass, fields
from typing import Any

import pytest

from db.engine.statements import Row
from db.specification import SPECIFIED, Specification, check_complete, declares, values_of

WHOLE = {field.name: field.type for field in fields(Specification)}


def row(annotations: dict[str, Any]) -> type[Row]:
    return type("Kept", (Row,), {"__annotations__": annotations})


def test_a_row_with_every_field_is_left_as_it_is() -> None:
    kind = row(WHOLE | {"version": int})

    assert declares(Specification)(kind) is kind


@pytest.mark.parametrize("name", SPECIFIED)
def test_a_row_without_a_field_is_refused(name: str) -> None:
    kept = {other: type_ for other, type_ in WHOLE.items() if other != name}

    with pytest.raises(TypeError, match=f"Kept must declare {name}: "):
        declares(Specification)(row(kept))


@pytest.mark.parametrize(("name", "type_"), [("prompt", str), ("model", str | None), ("duration_seconds", str)])
def test_a_row_with_a_field_of_another_type_is_refused(name: str, type_: object) -> None:
    with pytest.raises(TypeError, match=f"Kept must declare {name}: "):
        declares(Specification)(row(WHOLE | {name: type_}))


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (SPECIFIED[1:], SPECIFIED[0]),
        (SPECIFIED[:-1], SPECIFIED[-1]),
        ((*SPECIFIED, "seed"), "seed"),
        ((*SPECIFIED[:-1], "seed"), "seed"),
    ],
)
def test_a_module_that_leaves_a_field_open_is_refused(names: tuple[str, ...], named: str) -> None:
    with pytest.raises(TypeError, match=named):
        check_complete("a module", names)


def test_a_module_that_deals_with_every_field_is_not() -> None:
    check_complete("a module", reversed(SPECIFIED))


def test_values_are_those_of_the_fields_alone() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Asked(Specification):
        look_id: str

    asked = Asked(model="m", resolution="720p", aspect_ratio="16:9", mock_mode=True, look_id="a look")

    assert values_of(asked) == {
        "prompt": None,
        "model": "m",
        "resolution": "720p",
        "aspect_ratio": "16:9",
        "duration_seconds": 8,
        "generate_audio": False,
        "mock_mode": True,
    }
