"""Which fields are read for many objects in one go."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from strawberry.types.field import StrawberryField

_MARK = "lookreel.column"

# Given the objects and the operation's context, returns the values in the objects' order. It waits for nothing but
# dataloaders, and does no harm when it is called again.
ReadColumn = Callable[[Sequence[Any], Any], list[Any] | Awaitable[list[Any]]]


def marked(read: ReadColumn) -> Mapping[Any, Any]:
    """Return the metadata of a field that is read so. A field with permissions or other extensions is stock's."""
    return {_MARK: read}


def column_of(field: StrawberryField) -> ReadColumn | None:
    """Return how a marked field is read."""
    read: ReadColumn | None = field.metadata.get(_MARK)
    return read
