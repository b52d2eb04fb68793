"""Scalars and enums: a whole column is looked at by its types, since single values cost a Python call each."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from enum import Enum, StrEnum
from math import isfinite
from operator import attrgetter
from types import NoneType

from graphql import GRAPHQL_MAX_INT, GRAPHQL_MIN_INT, GraphQLError, GraphQLLeafType
from strawberry.schema.schema_converter import CustomGraphQLEnumType

from graphql_server.execution.values import Values, kinds_of, with_nulls

Check = Callable[[Values], bool]


def _fit(_values: Values) -> bool:
    return True


def _are_in_range(values: Values) -> bool:
    # 0 and null need no look.
    numbers = list(filter(None, values))
    return not numbers or (min(numbers) >= GRAPHQL_MIN_INT and max(numbers) <= GRAPHQL_MAX_INT)


def _are_finite(values: Values) -> bool:
    return all(map(isfinite, filter(None, values)))


def _are_in_utc(values: Values) -> bool:
    return set(map(attrgetter("tzinfo"), filter(None, values))) == {UTC}


# The Python type of which values go into the response as they are, and what else must hold for them.
AS_THEY_ARE: dict[str, tuple[type, Check]] = {
    "Boolean": (bool, _fit),
    "DateTime": (datetime, _are_in_utc),
    "Float": (float, _are_finite),
    "ID": (str, _fit),
    "Int": (int, _are_in_range),
    "String": (str, _fit),
}


class Leaf:
    """The completion of a scalar or an enum; what is not of the one usual type goes through the type's own coercion."""

    waits = False

    def __init__(self, type_: GraphQLLeafType, *, nullable: bool) -> None:
        self._type = type_
        self._nullable = nullable
        self._usual: tuple[type, ...] = ()
        self._fit: Check = _fit
        self._names = _names(type_)
        if isinstance(type_, CustomGraphQLEnumType):
            # Rows have the values of members, which are equal to them.
            self._usual = (type_.wrapped_cls, *((str,) if issubclass(type_.wrapped_cls, StrEnum) else ()))
        elif type_.name in AS_THEY_ARE:
            usual, self._fit = AS_THEY_ARE[type_.name]
            self._usual = (usual,)

    def now(self, values: Values, context: object, known: type | None = None) -> Values:  # noqa: ARG002 - as any completion
        """See `Completion`."""
        if not (known in self._usual and self._are_there(values)) and not self._are_usual(values):
            return self._coerced(values)
        if self._names is not None:
            return list(map(self._names.__getitem__, values))
        # The driver's moments are all in UTC.
        return values if known is datetime or self._fit(values) else self._coerced(values)

    async def later(self, values: Values, context: object) -> Values:
        """See `Completion`."""
        return self.now(values, context)

    def _are_there(self, values: Values) -> bool:
        return self._nullable or None not in values

    def _are_usual(self, values: Values) -> bool:
        kinds = kinds_of(values, nullable=self._nullable)
        kinds.discard(NoneType)
        return len(kinds) == 1 and kinds.issubset(self._usual)

    def _coerced(self, values: Values) -> Values:
        present = [value for value in values if value is not None]
        coerced = list(map(self._type.coerce_output_value, present))
        kinds_of(coerced, nullable=False)
        return with_nulls(values, coerced)


def _names(type_: GraphQLLeafType) -> dict[Enum | None, str | None] | None:
    """Return what the response shows for each member of an enum; an unknown one is missing, and so an error."""
    if not isinstance(type_, CustomGraphQLEnumType):
        return None
    names: dict[Enum | None, str | None] = {None: None}
    members: Iterable[Enum] = type_.wrapped_cls
    for member in members:
        with suppress(GraphQLError, ValueError):
            names[member] = type_.coerce_output_value(member)
    return names
