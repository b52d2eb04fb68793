"""A video job's specification: the one list of what is asked of a generator (docs/howto/add-a-field.md)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, get_type_hints

Kind = TypeVar("Kind", bound=type)


def _means(meaning: str, rule: str = "") -> Mapping[str, str]:
    """Return the metadata of a field: what it means, and what is said besides to whoever sends it."""
    return {"meaning": meaning, "to_send": f"{meaning}; {rule}" if rule else meaning}


@dataclass(frozen=True, kw_only=True)
class Specification:
    """What a video is to be, spelled as over both APIs. Each field is a column that a job's creation writes for good.

    Both APIs read it, retries and replays start from it, and the generator's request extends it. A field that came
    after the first release has a default.
    """

    prompt: str | None = field(default=None, metadata=_means("What to show", "this or `initialImage` is needed"))
    model: str = field(
        metadata=_means("The model's id, such as `veo-3.1-generate-preview`", "a leading `models/` is accepted")
    )
    resolution: str = field(metadata=_means("`720p` or `1080p`"))
    aspect_ratio: str = field(metadata=_means("`16:9` or `9:16`"))
    duration_seconds: int = field(default=8, metadata=_means("The video's length in seconds, 4 or 8"))
    generate_audio: bool = field(default=False, metadata=_means("Whether sound is asked for"))
    mock_mode: bool = field(
        metadata=_means("Whether the video is a rendered sample instead of Veo's work", "both cost the same")
    )


SPECIFIED = tuple(field.name for field in fields(Specification))


def values_of(source: object, kind: type = Specification) -> dict[str, Any]:
    """Return what an object has for each field of a dataclass, by name."""
    return {field.name: getattr(source, field.name) for field in fields(kind)}


def declares_specification(kind: Kind) -> Kind:
    """Refuse a class of rows, when its module is loaded, that does not declare a specification's fields as it does.

    Raises:
        TypeError

    """
    declared = get_type_hints(kind)
    for name, type_ in get_type_hints(Specification).items():
        if declared.get(name) != type_:
            raise TypeError(f"{kind.__qualname__} must declare {name}: {type_}, as Specification does")
    return kind


def check_complete(user: str, names: Iterable[str]) -> None:
    """Refuse a module, when it is loaded, that does not say what becomes of each field of a specification.

    Raises:
        TypeError

    """
    difference = set(SPECIFIED) ^ set(names)
    if difference:
        raise TypeError(f"{user} must deal with every field of Specification and no other; look at {difference}")
