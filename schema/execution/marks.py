"""Which resolvers may be called for many objects in one go."""

from collections.abc import Mapping
from typing import Any

from strawberry.types.field import StrawberryField

_MARK = "lookreel.batchable"

# For `strawberry.field(metadata=BATCHABLE)`: a promise that the resolver uses nothing of `info` but `context`, awaits
# nothing but dataloaders, and does no harm when it is called again. Permissions and other extensions still apply: a
# field that has one is the stock executor's.
BATCHABLE: Mapping[Any, Any] = {_MARK: True}


def is_batchable(field: StrawberryField) -> bool:
    """Whether the field's resolver was marked."""
    return _MARK in field.metadata


class ContextOnly:
    """What a marked resolver is given as `info`: to ask for anything else is an error, and so is handed back."""

    __slots__ = ("context",)

    def __init__(self, context: object) -> None:
        self.context = context
