"""What all parts of the fast path have in common: values of one field for many objects, and how they are completed."""

import asyncio
import logging
from collections.abc import Sequence
from types import GeneratorType, NoneType
from typing import Any, Protocol

from graphql.pyutils import UndefinedType

logger = logging.getLogger("lookreel.execution")

# One field's values, in the order of the objects.
Values = list[Any]


class Unusual(Exception):
    """Something that the stock executor has to judge."""


class Completion(Protocol):
    """Turns what resolvers returned into what the response shows (GraphQL specification, 'Value Completion')."""

    @property
    def waits(self) -> bool:
        """Whether a part of the values needs a dataloader."""

    def now(self, values: Values, context: object, known: type | None = None) -> Values:
        """Complete values of which no part needs a dataloader; `known` is their type, where the driver warrants it.

        Raises:
            Exception: of any kind where the stock executor has to do it.

        """

    async def later(self, values: Values, context: object) -> Values:
        """Complete values of which a part needs a dataloader; raises as `now` does."""


def kinds_of(values: Sequence[Any], *, nullable: bool) -> set[type]:
    """Return the types of the values.

    Raises:
        Unusual: one is an exception, awaitable, undefined, or null where that must not be.

    """
    kinds = set(map(type, values))
    if NoneType in kinds and not nullable:
        raise Unusual("null")
    for kind in kinds:
        if hasattr(kind, "__await__") or issubclass(kind, Exception | UndefinedType | GeneratorType):
            raise Unusual(kind)
    return kinds


def only_kind(kinds: set[type]) -> type | None:
    """Return the type of all values that are there, None where they have several."""
    others = kinds - {NoneType}
    return others.pop() if len(others) == 1 else None


def without_nulls(values: Values, kinds: set[type]) -> Values:
    """Return the values that are there."""
    return [value for value in values if value is not None] if NoneType in kinds else values


def with_nulls(values: Values, completed: Values) -> Values:
    """Put the nulls of `values` back between what has become of the others."""
    if len(values) == len(completed):
        return completed
    others = iter(completed)
    return [None if value is None else next(others) for value in values]


async def all_of(coroutines: list[Any]) -> list[Any]:
    """Wait for all, also where one fails: what was loaded is still there when the stock executor asks for it."""
    if len(coroutines) == 1:
        return [await coroutines[0]]
    results = await asyncio.gather(*coroutines, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def note(reason: Exception) -> None:
    """Log why something was handed back to the stock executor."""
    logger.debug("Handed back to the stock executor: %r", reason)
