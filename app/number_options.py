"""Numbers on the command line: in plain digits, where Python would read 1_000, too."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, TypeAdapter

from resolvers.texts import plain_number

T = TypeVar("T", int, float)


def number(kind: type[T], least: int | None = None, most: int | None = None) -> Callable[[object], T]:
    """Return what reads an option, or refuses it in a sentence."""
    checked: Any = Annotated[kind, BeforeValidator(plain_number), Field(ge=least, le=most)]
    return TypeAdapter[T](checked).validate_python
