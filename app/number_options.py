"""Numbers on the command line: in plain digits, where Python would read 1_000, too."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, TypeAdapter

from resolvers.texts import plain_number

T = TypeVar("T", int, float)


def number(kind: type[T], least: int | None = None, most: int | None = None) -> Callable[[object], T]:
    """Return what reads an option, or refuses it in a sentence."""
    limits = Field(ge=least, le=most)
    checked: Any = Annotated[kind, limits, BeforeValidator(_whole if kind is int else plain_number)]
    return TypeAdapter[T](checked).validate_python


def _whole(value: object) -> object:
    """Return what Pydantic may read a whole number from, which for it 3.0 is one of."""
    return [value] if "." in str(value) else plain_number(value)
