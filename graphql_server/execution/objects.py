"""Objects and lists of them: each field of the selection set is done for all objects before the next one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from types import NoneType
from typing import Any, NamedTuple

from graphql_server.execution.rows import assembler, type_of
from graphql_server.execution.values import (
    Completion,
    Unusual,
    Values,
    all_of,
    kinds_of,
    only_kind,
    with_nulls,
    without_nulls,
)

# Given the objects, their type where they have one, and the operation's context.
Read = Callable[[Sequence[Any], type | None, Any], Any]


class Reading(NamedTuple):
    """How a field's values are read: whether they have to be awaited, and the attribute that they are of, if any."""

    read: Read
    is_async: bool = False
    attribute: str | None = None


class Column:
    """One field of many objects: how its values are read, and how they are completed."""

    def __init__(self, reading: Reading, completion: Completion) -> None:
        self._read, self._is_async, self._attribute = reading
        self._completion = completion
        # Whether a dataloader is needed.
        self.waits = self._is_async or completion.waits

    def now(self, sources: Sequence[Any], kind: type | None, context: object) -> Values:
        """Return the completed values, in the order of the sources."""
        values = self._read(sources, kind, context)
        return self._completion.now(values, context, self._type_in(kind))

    async def later(self, sources: Sequence[Any], kind: type | None, context: object) -> Values:
        """Do the same where it waits."""
        values = self._read(sources, kind, context)
        if self._is_async:
            values = await values
        if self._completion.waits:
            return await self._completion.later(values, context)
        return self._completion.now(values, context)

    def _type_in(self, kind: type | None) -> type | None:
        return None if self._attribute is None else type_of(self._attribute, kind)


class Selection:
    """The fields that are asked of one object type, by response name."""

    def __init__(self, columns: dict[str, Column]) -> None:
        self._columns = columns
        self._assembled = assembler(tuple(columns))
        self.waits = any(column.waits for column in columns.values())

    def now(self, sources: Sequence[Any], kind: type | None, context: object) -> Values:
        """Return the completed objects; `kind` is the type of all of them, where they have one."""
        return self._assembled([column.now(sources, kind, context) for column in self._columns.values()])

    async def later(self, sources: Sequence[Any], kind: type | None, context: object) -> Values:
        """Do the same where it waits; what does not wait comes first, for it may hand all back."""
        done = {name: column.now(sources, kind, context) for name, column in self._columns.items() if not column.waits}
        waiting = {name: column.later(sources, kind, context) for name, column in self._columns.items() if column.waits}
        done |= zip(waiting, await all_of(list(waiting.values())), strict=True)
        return self._assembled([done[name] for name in self._columns])


@dataclass(frozen=True)
class ObjectOf:
    """The completion of an object type."""

    selection: Selection
    nullable: bool

    @property
    def waits(self) -> bool:
        """Whether a dataloader is needed."""
        return self.selection.waits

    def now(self, values: Values, context: object, known: type | None = None) -> Values:  # noqa: ARG002 - of leaves
        """See `Completion`."""
        kinds = kinds_of(values, nullable=self.nullable)
        present = without_nulls(values, kinds)
        return with_nulls(values, self.selection.now(present, only_kind(kinds), context))

    async def later(self, values: Values, context: object) -> Values:
        """See `Completion`."""
        if not self.waits:
            return self.now(values, context)
        kinds = kinds_of(values, nullable=self.nullable)
        present = without_nulls(values, kinds)
        return with_nulls(values, await self.selection.later(present, only_kind(kinds), context))


@dataclass(frozen=True)
class ListOf:
    """The completion of a list type: the items of all lists are one column."""

    item: Completion
    nullable: bool

    @property
    def waits(self) -> bool:
        """Whether a dataloader is needed."""
        return self.item.waits

    def now(self, values: Values, context: object, known: type | None = None) -> Values:  # noqa: ARG002 - of leaves
        """See `Completion`."""
        lists = self._lists(values)
        return with_nulls(values, _regrouped(lists, self.item.now(list(chain.from_iterable(lists)), context)))

    async def later(self, values: Values, context: object) -> Values:
        """See `Completion`."""
        lists = self._lists(values)
        return with_nulls(values, _regrouped(lists, await self.item.later(list(chain.from_iterable(lists)), context)))

    def _lists(self, values: Values) -> Values:
        kinds = kinds_of(values, nullable=self.nullable)
        if not kinds <= {list, tuple, NoneType}:
            raise Unusual("no list")
        return without_nulls(values, kinds)


def _regrouped(lists: Values, items: Values) -> Values:
    rest = iter(items)
    return [list(islice(rest, len(list_))) for list_ in lists]
