"""Lists of one query, dealt out to the parents they belong to, by the parent's id."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TypeVar
from uuid import UUID

from db.engine.paging import MOST_NESTED
from db.engine.statements import SomeRow
from resolvers.errors import AnswerTooLarge

Item = TypeVar("Item")


def by_parent(rows: Sequence[SomeRow]) -> dict[UUID, list[SomeRow]]:
    """Collect rows whose first column is the parent's id, as `grouped` does.

    Raises:
        AnswerTooLarge: there are more rows than are read for one page

    """
    if len(rows) > MOST_NESTED:
        raise AnswerTooLarge(MOST_NESTED)
    groups: defaultdict[UUID, list[SomeRow]] = defaultdict(list)
    # Rows that come by parent are looked up once for each: to hash all ids takes 5% of a page of looks.
    for parent_id, found in groupby(rows, itemgetter(0)):
        groups[parent_id].extend(found)
    return groups


def grouped(pairs: Iterable[tuple[UUID, Item]]) -> dict[UUID, list[Item]]:
    """Collect items by parent id, in the order they come; a parent without items reads as an empty list."""
    groups: defaultdict[UUID, list[Item]] = defaultdict(list)
    for parent_id, item in pairs:
        groups[parent_id].append(item)
    return groups
