"""A video job's specification: the one list of what is asked of a generator (docs/howto/add-a-field.md)."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, TypeVar, get_args, get_type_hints
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Specification:
    """What a video is to be, spelled as over both APIs. Each field is a column that a job's creation writes for good.

    Both APIs read it, retries and replays start from it, and the generator's request extends it. A field that came
    after the first release has a default.
    """

    prompt: str | None = field(default=None, metadata={"meaning": "What to show; needed without an initial image"})
    model: str = field(metadata={"meaning": "The model's id, such as `veo-3.1-generate-preview`"})
    resolution: str = field(metadata={"meaning": "`720p` or `1080p`"})
    aspect_ratio: str = field(metadata={"meaning": "`16:9` or `9:16`"})
    duration_seconds: int = field(default=8, metadata={"meaning": "The video's length in seconds, 4 or 8"})
    generate_audio: bool = field(default=False, metadata={"meaning": "Whether sound is asked for"})
    mock_mode: bool = field(
        metadata={"meaning": "Whether it is a rendered sample instead of Veo's work; both cost the same"}
    )


SPECIFIED = tuple(field.name for field in fields(Specification))


def values_of(source: object, kind: type = Specification) -> dict[str, Any]:
    """Return what an object has for each field of a dataclass, by name."""
    return {field.name: getattr(source, field.name) for field in fields(kind)}


def check_complete(user: str, names: Iterable[str]) -> None:
    """Refuse a module, when it is loaded, that does not say what becomes of each field of a specification.

    Raises TypeError.
    """
    difference = set(SPECIFIED) ^ set(names)
    if difference:
        raise TypeError(f"{user} must deal with every field of Specification and no other; look at {difference}")


Kind = TypeVar("Kind", bound=type)


def declares(*sources: type, hidden: Collection[str] = ()) -> Callable[[Kind], Kind]:
    """Decorate a class that has each field of others, of the same type, but for those that are hidden.

    Ids may be an API's type of ids, texts an enumeration, integers floats. Raises TypeError when the class is made.
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
