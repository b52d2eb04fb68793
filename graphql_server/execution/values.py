"""What the parts of batch execution share: one field's values for many objects."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import GeneratorType, NoneType
from typing import Any

from graphql import FragmentDefinitionNode, GraphQLSchema, OperationDefinitionNode
from graphql.execution.values import VariableValues
from graphql.pyutils import UndefinedType

from graphql_server.limits import Budget

REMEMBERED_TYPES = 1024
# One field's values, in the order of the objects.
Values = list[Any]
# Returns what the columns of a class of rows hold, as `T` or `T | None`, in their order; nothing for what is no class
# of rows. The values are not looked at again: a datetime has to be in UTC.
RowTypes = Callable[[type], Mapping[str, object]]


class Unsupported(Exception):
    """What the default executor has to do: a field that cannot be batched, or a value that only it can judge."""


@dataclass(slots=True)
class Run:
    """One execution of a query. `resolved` has what each root field has returned or raised, by its response name."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    variables: VariableValues
    context: Any
    extensions: Any
    row_types: RowTypes
    budget: Budget
    resolved: dict[str, Any] = field(default_factory=dict)


def types_of(values: Sequence[Any], *, nullable: bool) -> set[type]:
    """Return the types of the values.

    Raises Unsupported: one is an exception, awaitable, undefined, or null where that must not be.
    """
    types = set(map(type, values))
    if NoneType in types and not nullable:
        raise Unsupported("null")
    if not all(map(_is_of_values, types)):
        raise Unsupported(types)
    return types


@lru_cache(REMEMBERED_TYPES)
def _is_of_values(type_: type) -> bool:
    return not (hasattr(type_, "__await__") or issubclass(type_, (Exception, UndefinedType, GeneratorType)))


def with_nulls(values: Sequence[Any], completed: Values) -> Values:
    """Put the nulls of `values` back between what has become of the others."""
    if len(values) == len(completed):
        return completed
    others = iter(completed)
    return [None if value is None else next(others) for value in values]


async def all_of(awaitables: Sequence[Any]) -> list[Any]:
    """Wait for all, also where one fails: what was loaded is still there when the default executor asks for it."""
    if len(awaitables) == 1:
        return [await awaitables[0]]
    results = await asyncio.gather(*awaitables, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
