"""Which fields are read for many objects in one go."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from strawberry.types.field import StrawberryField

_MARK = "lookreel.column"

# Given the objects and the operation's context, returns the values in the objects' order. It waits for nothing but
# dataloaders, and does no harm when it is called again.
ReadColumn = Callable[[Sequence[Any], Any], list[Any] | Awaitable[list[Any]]]


# Given an attribute's values and the operation's context, returns what is shown of them.
Show = Callable[[list[Any], Any], list[Any]]


class Mark(NamedTuple):
    """How a field is read: as a whole, or off an attribute, of whose values something of the same type is shown."""

    read: ReadColumn | None = None
    attribute: str | None = None
    show: Show | None = None

    def metadata(self) -> Mapping[Any, Any]:
        """Return the metadata of a field that is read so. One with permissions or other extensions is stock's."""
        return {_MARK: self}


def mark_of(field: StrawberryField) -> Mark | None:
    """Return how a marked field is read."""
    mark: Mark | None = field.metadata.get(_MARK)
    return mark
