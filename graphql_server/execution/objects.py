"""Objects and lists of them."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, chain, pairwise
from operator import attrgetter
from types import NoneType
from typing import Any, NamedTuple

from graphql_server.execution.leaves import Leaf
from graphql_server.execution.values import Run, Unsupported, Values, all_of, types_of, with_nulls

REMEMBERED_ASSEMBLERS = 2048


class Sources:
    """The objects whose fields are read. Of rows of one class, all columns are read at once, and their types are known.

    This brings 8% of a page of objects: rows are asked once instead of for each field, and values not at all.
    """

    __slots__ = ("_columns", "_types", "items")

    def __init__(self, items: Sequence[Any], classes: set[type], run: Run) -> None:
        self.items = items
        self._types: Mapping[str, object] = run.row_types(*classes) if len(classes) == 1 else {}
        are_many = self._types and len(items) > 1
        self._columns = dict(zip(self._types, zip(*items, strict=True), strict=True)) if are_many else {}

    def attribute(self, name: str) -> tuple[Sequence[Any], object]:
        """Return an attribute's values, and their type where it is known."""
        column = self._columns.get(name)
        return list(map(attrgetter(name), self.items)) if column is None else column, self._types.get(name)


class Column(NamedTuple):
    """One field of many objects: how it is completed, and how it is read, which is awaited where `is_async`."""

    completion: "Completion"
    read: Callable[[Sequence[Any], Run], Any] | None = None
    is_async: bool = False
    attribute: str = ""
    shown: Callable[[Sequence[Any], Any], Sequence[Any]] | None = None

    @property
    def waits(self) -> bool:
        """Whether a resolver or a dataloader is waited for."""
        return self.is_async or self.completion.waits

    async def values(self, sources: Sources, run: Run) -> Sequence[Any]:
        """Return the completed values, in the order of the sources."""
        if self.read is not None:
            values = self.read(sources.items, run)
            return await self.completion.complete(await values if self.is_async else values, run)
        values, known = sources.attribute(self.attribute)
        if self.shown is not None:
            values = self.shown(values, run.context)
        return await self.completion.complete(values, run, known)


class ObjectOf:
    """The completion of an object type, with the fields that are asked of it by response name."""

    def __init__(self, columns: Mapping[str, Column], *, nullable: bool) -> None:
        self._names = tuple(columns)
        self._assembled = _assembler(self._names)
        self._nullable = nullable
        self._ready = {name: column for name, column in columns.items() if not column.waits}
        self._waiting = {name: column for name, column in columns.items() if column.waits}
        self.waits = bool(self._waiting)

    async def complete(self, values: Sequence[Any], run: Run, _known: object = None) -> Values:
        """See `Completion`."""
        classes = types_of(values, nullable=self._nullable)
        items = [value for value in values if value is not None] if NoneType in classes else values
        return with_nulls(values, await self.objects(items, classes - {NoneType}, run))

    async def objects(self, items: Sequence[Any], classes: set[type], run: Run) -> Values:
        """Return what the response shows of each object of these classes; raises as `complete` does."""
        run.budget.spend(len(items) * len(self._names))
        sources = Sources(items, classes, run)
        # What does not wait comes first: it may be what only the default executor can do.
        done = {name: await column.values(sources, run) for name, column in self._ready.items()}
        if self.waits:
            waited = await all_of([column.values(sources, run) for column in self._waiting.values()])
            done |= zip(self._waiting, waited, strict=True)
        return self._assembled([done[name] for name in self._names])


@lru_cache(REMEMBERED_ASSEMBLERS)
def _assembler(names: tuple[str, ...]) -> Callable[[Sequence[Sequence[Any]]], Values]:
    """Return what makes objects of columns: written out for these names, which takes a third of `dict(zip())`.

    This brings 6% of a page of objects. Response names have letters, digits and `_`, and are quoted all the same.
    """
    variables = [f"v{number}" for number in range(len(names))]
    members = ", ".join(f"{name!r}: {variable}" for name, variable in zip(names, variables, strict=True))
    source = f"lambda columns: [{{{members}}} for {', '.join(variables)}, in zip(*columns, strict=True)]"
    made: Callable[[Sequence[Sequence[Any]]], Values] = eval(source)  # noqa: S307 - of nothing but quoted names
    return made


class ListOf:
    """The completion of a list type: the items of all lists are completed as one."""

    def __init__(self, item: "Completion", *, nullable: bool) -> None:
        self._item = item
        self._nullable = nullable
        self.waits: bool = item.waits

    async def complete(self, values: Sequence[Any], run: Run, _known: object = None) -> Values:
        """See `Completion`."""
        if not types_of(values, nullable=self._nullable) <= {list, tuple, NoneType}:
            raise Unsupported("no list")
        lists = [list_ for list_ in values if list_ is not None]
        ends = list(accumulate(map(len, lists), initial=0))
        run.budget.spend(ends[-1])
        items = await self._item.complete(list(chain.from_iterable(lists)), run)
        return with_nulls(values, [items[begin:end] for begin, end in pairwise(ends)])


# Turns what a field's resolvers returned into what the response shows, in their order (GraphQL specification, 'Value
# Completion'); leaves may be given their type. Raises exceptions of any kind where the default executor has to do it.
Completion = Leaf | ObjectOf | ListOf
