"""Lists of one query, dealt out to the parents they belong to, by the parent's id."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar
from uuid import UUID

from db.engine.statements import SomeRow
from db.nested import MOST_NESTED
from resolvers.errors import AnswerTooLarge

Item = TypeVar("Item")


def by_parent(rows: Sequence[SomeRow]) -> dict[UUID, list[SomeRow]]:
    """Collect rows whose first column is the parent's id, as `grouped` does.

    Raises:
        AnswerTooLarge: there are more rows than are read for one page

    """
    if len(rows) > MOST_NESTED:
        raise AnswerTooLarge(MOST_NESTED)
    return grouped((row[0], row) for row in rows)


def grouped(pairs: Iterable[tuple[UUID, Item]]) -> dict[UUID, list[Item]]:
    """Collect items by parent id, in the order they come; a parent without items reads as an empty list."""
    groups: defaultdict[UUID, list[Item]] = defaultdict(list)
    for parent_id, item in pairs:
        groups[parent_id].append(item)
    return groups
