"""Lists of one query, dealt out to the parents they belong to, by the parent's id as text."""

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

Item = TypeVar("Item")


def grouped(pairs: Iterable[tuple[str, Item]]) -> dict[str, list[Item]]:
    """Collect items by parent id, in the order they come; a parent without items reads as an empty list."""
    groups: defaultdict[str, list[Item]] = defaultdict(list)
    for parent_id, item in pairs:
        groups[parent_id].append(item)
    return groups
