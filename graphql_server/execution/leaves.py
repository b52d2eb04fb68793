"""Scalars and enums: all values of a field are looked at by their types, since single values cost a call each."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from enum import Enum, StrEnum
from math import isfinite
from operator import attrgetter
from types import NoneType
from typing import Any
from uuid import UUID

import graphql
from graphql import GRAPHQL_MAX_INT, GRAPHQL_MIN_INT, GraphQLError, GraphQLLeafType
from strawberry.schema.schema_converter import CustomGraphQLEnumType

from graphql_server.execution.values import Run, types_of, with_nulls
from graphql_server.fields import utc_date_time

Check = Callable[[Sequence[Any]], bool]


def _are_in_range(values: Sequence[Any]) -> bool:
    # 0 and null need no look.
    numbers = list(filter(None, values))
    return not numbers or (min(numbers) >= GRAPHQL_MIN_INT and max(numbers) <= GRAPHQL_MAX_INT)


def _are_finite(values: Sequence[Any]) -> bool:
    return all(map(isfinite, filter(None, values)))


def _are_in_utc(values: Sequence[Any]) -> bool:
    return set(map(attrgetter("tzinfo"), filter(None, values))) == {UTC}


# By the coercion of a scalar: of which type values are that it would not change, and what else must hold for them; it
# makes text of a UUID.
UNCHANGED: dict[Any, tuple[tuple[type, ...], Check | None]] = {
    graphql.GraphQLBoolean.coerce_output_value: ((bool,), None),
    graphql.GraphQLFloat.coerce_output_value: ((float,), _are_finite),
    graphql.GraphQLID.coerce_output_value: ((str, UUID), None),
    graphql.GraphQLInt.coerce_output_value: ((int,), _are_in_range),
    graphql.GraphQLString.coerce_output_value: ((str,), None),
    utc_date_time: ((datetime,), _are_in_utc),
}


class Leaf:
    """The completion of a scalar or an enum; what is not of the one usual type goes through the type's own coercion."""

    waits = False

    def __init__(self, type_: GraphQLLeafType, *, nullable: bool) -> None:
        self._coerce = type_.coerce_output_value
        self._is_text = self._coerce == graphql.GraphQLString.coerce_output_value
        self._nullable = nullable
        self._shown: Callable[[Any], Any] | None = None
        if isinstance(type_, CustomGraphQLEnumType):
            self._shown = _names(type_).__getitem__
            # What has the values of members, which are equal to them, may stand for these.
            self._usual = (type_.wrapped_cls, *((str,) if issubclass(type_.wrapped_cls, StrEnum) else ()))
            self._are_unchanged = None
        else:
            self._usual, self._are_unchanged = UNCHANGED.get(self._coerce, ((), None))
            if UUID in self._usual:
                self._shown = _text if nullable else str
        self._known = {*self._usual, *(type_ | None for type_ in self._usual if nullable)}
        self._are_as_told = None if self._coerce == utc_date_time else self._are_unchanged

    async def complete(self, values: Sequence[Any], run: Run, known: object = None) -> Sequence[Any]:
        """See `objects.Completion`; `known` is the values' type, as `values.RowTypes` has it."""
        is_usual = is_known = known in self._known
        if not is_usual:
            types = types_of(values, nullable=self._nullable) - {NoneType}
            # Drivers have UUIDs of their own.
            is_uuid = UUID in self._usual and all(issubclass(type_, UUID) for type_ in types)
            is_usual = len(types) == 1 and (is_uuid or types.issubset(self._usual))
        if is_usual and self._shown is not None:
            return list(map(self._shown, values))
        if is_usual and self._is_text:
            run.budget.spend_texts(values)
        check = self._are_as_told if is_known else self._are_unchanged
        if is_usual and (check is None or check(values)):
            return values
        coerced = [self._coerce(value) for value in values if value is not None]
        types_of(coerced, nullable=False)
        return with_nulls(values, coerced)


def _text(id_: UUID | str | None) -> str | None:
    return None if id_ is None else str(id_)


def _names(type_: CustomGraphQLEnumType) -> dict[Any, str | None]:
    """Return what the response shows for each member of an enum; an unknown one is missing, and so an error."""
    names: dict[Any, str | None] = {None: None}
    members: Iterable[Enum] = type_.wrapped_cls
    for member in members:
        with suppress(GraphQLError, ValueError):
            names[member] = type_.coerce_output_value(member)
    return names
