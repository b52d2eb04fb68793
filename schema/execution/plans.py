"""From what a query asks for to columns: which fields the fast path understands."""

from collections.abc import Sequence
from functools import lru_cache
from inspect import iscoroutinefunction, isfunction
from operator import attrgetter
from typing import Any

from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import CollectedFields, FieldDetailsList
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from schema.execution.leaves import Leaf
from schema.execution.marks import ContextOnly, is_batchable
from schema.execution.objects import Column, ListOf, ObjectOf, Read, Selection
from schema.execution.values import Completion, Values

REMEMBERED_FIELDS = 2048
TYPE_NAME = "__typename"

# A way to read values, and whether they have to be awaited.
Reading = tuple[Read, bool]
Collect = Any


class Plans:
    """The plans of one operation. What is collected below a field is asked of the executor, who knows the variables."""

    def __init__(self, schema: GraphQLSchema, collect: Collect) -> None:
        self._schema = schema
        self._collect = collect
        # By the identity of what stock has collected; it is kept beside, so that no other gets its id.
        self._known: dict[tuple[int, int], tuple[FieldDetailsList, Completion | None]] = {}

    def completion(self, type_: GraphQLOutputType, details: FieldDetailsList) -> Completion | None:
        """Return how values of that type are completed; None where the stock executor has to do it."""
        key = (id(type_), id(details))
        if key not in self._known:
            self._known[key] = details, self._made_completion(type_, details)
        return self._known[key][1]

    def _made_completion(self, type_: GraphQLOutputType, details: FieldDetailsList) -> Completion | None:
        nullable = not is_non_null_type(type_)
        inner: Any = get_nullable_type(type_)
        if is_leaf_type(inner):
            return leaf(inner, nullable=nullable)
        if is_list_type(inner):
            item = self.completion(inner.of_type, details)
            return None if item is None else ListOf(item, nullable)
        # An interface or a union has to be resolved first, and so is asked what it is of.
        if not is_object_type(inner) or inner.is_type_of is not None:
            return None
        selection = self._selection(inner, self._collect(inner, details))
        return None if selection is None else ObjectOf(selection, nullable)

    def _selection(self, type_: GraphQLObjectType, collected: CollectedFields) -> Selection | None:
        if collected.new_defer_usages:
            return None
        columns: dict[str, Column] = {}
        for name, details in collected.grouped_field_set.items():
            column = self._column(type_, details)
            if column is None:
                return None
            columns[name] = column
        return Selection(columns)

    def _column(self, type_: GraphQLObjectType, details: FieldDetailsList) -> Column | None:
        name = details[0].node.name.value
        field = self._schema.get_field(type_, name)
        reading = reading_of(type_, name)
        if field is None or reading is None or any(found.defer_usage is not None for found in details):
            return None
        completion = self.completion(field.type, details)
        return None if completion is None else Column(*reading, completion)


@lru_cache(REMEMBERED_FIELDS)
def leaf(type_: Any, *, nullable: bool) -> Leaf:  # noqa: ANN401 - mypy takes the union of leaf types for unhashable
    """Return the completion of a scalar or an enum."""
    return Leaf(type_, nullable=nullable)


@lru_cache(REMEMBERED_FIELDS)
def reading_of(type_: GraphQLObjectType, name: str) -> Reading | None:
    """Return how a field's values are read; None where only its own resolver knows."""
    if name == TYPE_NAME:
        return _type_name(type_)
    field = type_.fields.get(name)
    known = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF) if field else None
    if field is None or not isinstance(known, StrawberryField) or field.args or known.is_subscription:
        return None
    if known.is_basic_field:
        return _attribute(known) if known.default_resolver is getattr else None
    return _call(known) if is_batchable(known) and not known.extensions else None


def _attribute(field: StrawberryField) -> Reading:
    get = attrgetter(field.python_name)
    return lambda sources, _info: list(map(get, sources)), False


def _call(field: StrawberryField) -> Reading | None:
    resolver = field.base_resolver
    if resolver is None or not isfunction(resolver.wrapped_func):
        return None
    if list(resolver.signature.parameters.values()) != [resolver.self_parameter, resolver.info_parameter]:
        return None

    def read(sources: Sequence[Any], info: ContextOnly) -> Values:
        function: Any = resolver.wrapped_func
        return [function(source, info) for source in sources]

    return read, iscoroutinefunction(resolver.wrapped_func)


def _type_name(type_: GraphQLObjectType) -> Reading:
    return lambda sources, _info: [type_.name] * len(sources), False
