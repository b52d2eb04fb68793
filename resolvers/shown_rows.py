"""What both APIs show of rows, compared with the rows when the module is loaded that declares it."""

from collections.abc import Callable, Collection
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from db.engine.statements import Row

Kind = TypeVar("Kind", bound=type)


def shows(*rows: type[Row], hidden: Collection[str] = ()) -> Callable[[Kind], Kind]:
    """Decorate a class that shows rows: it declares each of their columns as what it is, or hides it.

    Ids may be shown as an API's type of ids, texts as an enumeration, integers as floats.

    Raises:
        TypeError: when the class is made.

    """

    def checked(kind: Kind) -> Kind:
        declared = get_type_hints(kind)
        for row in rows:
            for name, column in get_type_hints(row).items():
                if name not in hidden and not (name in declared and _fits(declared[name], column)):
                    raise TypeError(f"{kind.__qualname__} must show {row.__name__}.{name}: {column}, or hide it")
        return kind

    return checked


def _fits(declared: object, column: object) -> bool:
    shown, stored = _parts(declared), _parts(column)
    if shown == stored:
        return True
    if len(shown) != len(stored):
        return False
    (kind,), (type_,) = shown - stored, stored - shown
    return (
        (type_ is UUID and getattr(kind, "__supertype__", None) is str)
        or (type_ is int and kind is float)
        or (type_ is str and isinstance(kind, type) and issubclass(kind, Enum))
    )


def _parts(annotation: Any) -> set[Any]:  # noqa: ANN401 - a type, or such with others
    return set(get_args(annotation)) if get_origin(annotation) in {Union, UnionType} else {annotation}
