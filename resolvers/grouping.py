"""Lists of one query, dealt out to the parents they belong to."""

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

Item = TypeVar("Item")


def grouped(pairs: Iterable[tuple[UUID, Item]]) -> dict[UUID, list[Item]]:
    """Collect items by parent id, in the order they come; a parent without items reads as an empty list."""
    groups: defaultdict[UUID, list[Item]] = defaultdict(list)
    for parent_id, item in pairs:
        groups[parent_id].append(item)
    return groups
