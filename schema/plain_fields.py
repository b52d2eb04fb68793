"""Fields that are shown or taken as they are: their meanings are both APIs', and rows say what there is to show."""

from collections.abc import Callable, Collection
from dataclasses import MISSING, Field, fields
from typing import Any, Generic, Optional, Self, TypeVar, cast

import strawberry

from db.engine.statements import Row
from db.specification import Specification, declares
from resolvers.meanings import meaning

Kind = TypeVar("Kind", bound=type)
Source = TypeVar("Source")


def described(kind: Kind) -> Kind:
    """Make a described field of each annotation that has none; its value, if it has one, is the field's default.

    Raises:
        TypeError: when nothing says what one means.

    """
    for name in kind.__annotations__:
        default = vars(kind).get(name, MISSING)
        if not isinstance(default, Field):
            text = meaning(kind.__name__, name)
            if text is None:
                raise TypeError(f"resolvers.meanings must say what {kind.__qualname__}.{name} means")
            setattr(kind, name, strawberry.field(default=default, description=text))
    return kind


class Shown(Generic[Source]):
    """Base of the types whose objects are rows themselves."""

    @classmethod
    def of(cls, row: Source) -> Self:
        """Show a row."""
        return cast("Self", row)


def shows(*rows: type[Row], hidden: Collection[str] = ()) -> Callable[[Kind], Kind]:
    """Make a type of a class whose plain fields are columns of rows, all but the hidden ones; its docstring is shown.

    Raises:
        TypeError: when the type is made.

    """
    columns = set(rows[0].columns())

    def shown(kind: Kind) -> Kind:
        others = [name for name in kind.__annotations__ if name not in columns and name not in vars(kind)]
        if others:
            raise TypeError(f"{rows[0].__name__} has no columns for {others} of {kind.__qualname__}")
        return strawberry.type(described(declares(*rows, hidden=hidden)(kind)), description=kind.__doc__)

    return shown


def takes_specification(kind: Kind) -> Kind:
    """Put the fields of a specification before those of an input."""
    # What has a default may be null, which stands for it: editors underline an input that lacks a required field.
    types: dict[str, Any] = {
        field.name: field.type if field.default is MISSING else Optional[field.type]  # noqa: UP045 - of a value
        for field in fields(Specification)
    }
    kind.__annotations__ = types | kind.__annotations__
    for field in fields(Specification):
        setattr(kind, field.name, strawberry.field(default=field.default, description=field.metadata["meaning"]))
    return kind
