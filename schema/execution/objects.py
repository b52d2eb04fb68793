"""Objects and lists of them: each field of the selection set is done for all objects before the next one."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from types import NoneType
from typing import Any

from schema.execution.marks import ContextOnly
from schema.execution.together import together
from schema.execution.values import Completion, Unusual, Values, kinds_of, with_nulls, without_nulls

Read = Callable[[Sequence[Any], ContextOnly], Values]


@dataclass(frozen=True)
class Column:
    """One field of many objects: how its values are read, and how they are completed."""

    read: Read
    is_async: bool
    completion: Completion

    @property
    def waits(self) -> bool:
        """Whether a dataloader is needed."""
        return self.is_async or self.completion.waits

    def now(self, sources: Sequence[Any], info: ContextOnly) -> Values:
        """Return the completed values, in the order of the sources."""
        return self.completion.now(self.read(sources, info), info)

    async def later(self, sources: Sequence[Any], info: ContextOnly) -> Values:
        """Do the same where it waits."""
        values = self.read(sources, info)
        if self.is_async:
            values = await together(values)
        return await self.completion.later(values, info)


class Selection:
    """The fields that are asked of one object type, by response name."""

    def __init__(self, columns: dict[str, Column]) -> None:
        self._columns = columns
        self.waits = any(column.waits for column in columns.values())

    def now(self, sources: Sequence[Any], info: ContextOnly) -> Values:
        """Return the completed objects."""
        return self._objects([column.now(sources, info) for column in self._columns.values()], len(sources))

    async def later(self, sources: Sequence[Any], info: ContextOnly) -> Values:
        """Do the same where it waits; what does not wait comes first, for it may hand all back."""
        done = {name: column.now(sources, info) for name, column in self._columns.items() if not column.waits}
        waiting = {name: column.later(sources, info) for name, column in self._columns.items() if column.waits}
        done |= zip(waiting, await _all(list(waiting.values())), strict=True)
        return self._objects([done[name] for name in self._columns], len(sources))

    def _objects(self, columns: list[Values], count: int) -> Values:
        if not columns:
            return [{} for _ in range(count)]
        return list(map(dict, map(zip, repeat(tuple(self._columns)), zip(*columns, strict=True))))


@dataclass(frozen=True)
class ObjectOf:
    """The completion of an object type."""

    selection: Selection
    nullable: bool

    @property
    def waits(self) -> bool:
        """Whether a dataloader is needed."""
        return self.selection.waits

    def now(self, values: Values, info: ContextOnly) -> Values:
        """See `Completion`."""
        present = without_nulls(values, kinds_of(values, nullable=self.nullable))
        return with_nulls(values, self.selection.now(present, info))

    async def later(self, values: Values, info: ContextOnly) -> Values:
        """See `Completion`."""
        if not self.waits:
            return self.now(values, info)
        present = without_nulls(values, kinds_of(values, nullable=self.nullable))
        return with_nulls(values, await self.selection.later(present, info))


@dataclass(frozen=True)
class ListOf:
    """The completion of a list type: the items of all lists are one column."""

    item: Completion
    nullable: bool

    @property
    def waits(self) -> bool:
        """Whether a dataloader is needed."""
        return self.item.waits

    def now(self, values: Values, info: ContextOnly) -> Values:
        """See `Completion`."""
        lists = self._lists(values)
        return with_nulls(values, _regrouped(lists, self.item.now(list(chain.from_iterable(lists)), info)))

    async def later(self, values: Values, info: ContextOnly) -> Values:
        """See `Completion`."""
        lists = self._lists(values)
        return with_nulls(values, _regrouped(lists, await self.item.later(list(chain.from_iterable(lists)), info)))

    def _lists(self, values: Values) -> Values:
        kinds = kinds_of(values, nullable=self.nullable)
        if not kinds <= {list, tuple, NoneType}:
            raise Unusual("no list")
        return without_nulls(values, kinds)


def _regrouped(lists: Values, items: Values) -> Values:
    rest = iter(items)
    return [list(islice(rest, len(list_))) for list_ in lists]


async def _all(coroutines: list[Any]) -> list[Any]:
    """Wait for all, also where one fails: what was loaded is still there when the stock executor asks for it."""
    if len(coroutines) == 1:
        return [await coroutines[0]]
    results = await asyncio.gather(*coroutines, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
