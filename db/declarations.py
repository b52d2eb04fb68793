"""Classes that repeat what another one declares, compared with it when the module is loaded that makes them."""

from collections.abc import Callable, Collection
from enum import Enum
from typing import Any, TypeVar, get_args, get_type_hints
from uuid import UUID

Kind = TypeVar("Kind", bound=type)


def declares(*sources: type, hidden: Collection[str] = ()) -> Callable[[Kind], Kind]:
    """Decorate a class that has each field of others, of the same type, but for those that are hidden.

    Ids may be an API's type of ids, texts an enumeration, integers floats.

    Raises:
        TypeError: when the class is made.

    """

    def checked(kind: Kind) -> Kind:
        declared = get_type_hints(kind)
        for source in sources:
            for name, type_ in get_type_hints(source).items():
                if name not in hidden and not (name in declared and _fits(declared[name], type_)):
                    raise TypeError(
                        f"{kind.__name__} must declare {name}: {type_}, as {source.__name__} does, or hide it"
                    )
        return kind

    return checked


def _fits(declared: object, wanted: object) -> bool:
    own, others = _stored(declared), _stored(wanted)
    return own in (others, {float if type_ is int else type_ for type_ in others})


def _stored(annotation: Any) -> set[Any]:  # noqa: ANN401 - a type, or such with others
    """Return the types that are stored of what an annotation allows."""
    types = get_args(annotation) or (annotation,)
    texts = {type_ for type_ in types if isinstance(type_, type) and issubclass(type_, Enum)}
    return {
        UUID if getattr(type_, "__supertype__", None) is str else str if type_ in texts else type_ for type_ in types
    }
