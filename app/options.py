"""What an option of a command may say: numbers in plain digits, where Python would read 1_000, too, and durations."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, TypeAdapter

from resolvers.texts import plain_number

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
LONGEST = timedelta(days=36_525)

T = TypeVar("T", int, float)


def number(kind: type[T], least: int | None = None, most: int | None = None) -> Callable[[object], T]:
    """Return what reads an option, or refuses it in a sentence."""
    limits = Field(ge=least, le=most)
    checked: Any = Annotated[kind, limits, BeforeValidator(_whole if kind is int else plain_number)]
    return TypeAdapter[T](checked).validate_python


def _whole(value: object) -> object:
    """Return what Pydantic may read a whole number from, which for it 3.0 is one of."""
    return [value] if "." in str(value) else plain_number(value)


def duration(text: str) -> timedelta:
    """Return what a text such as 12h says; raise `ValueError` where that is nothing, or more than a century."""
    match = re.fullmatch(r"([0-9]{1,8})([smhdw])", text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a duration: write a number and s, m, h, d or w, such as 12h")
    found = timedelta(**{UNITS[match[2]]: int(match[1])})
    if not timedelta() < found <= LONGEST:
        raise ValueError(f"{text} is out of range: write 1s to {LONGEST.days}d")
    return found
