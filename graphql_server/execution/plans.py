"""From what a query asks for to columns: which fields the fast path understands."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from inspect import iscoroutinefunction
from typing import Any
from weakref import ref

from graphql import (
    BREAK,
    DirectiveNode,
    ExecutableDefinitionNode,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    Visitor,
    VisitorAction,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    visit,
)
from graphql.execution.collect_fields import CollectedFields, FieldDetailsList, FragmentDetails, collect_subfields
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from graphql_server.execution.leaves import Leaf
from graphql_server.execution.marks import Show, mark_of
from graphql_server.execution.objects import Column, ListOf, ObjectOf, Reading, Selection
from graphql_server.execution.roots import NO_VARIABLES, Roots, roots_of
from graphql_server.execution.rows import getter
from graphql_server.execution.values import Completion, Values

REMEMBERED_FIELDS = 2048
TYPE_NAME = "__typename"

# What stock collects below a field, knowing the variables.
Collect = Callable[[GraphQLObjectType, FieldDetailsList], CollectedFields]


class Plans:
    """The plans of one operation; they are fixed where they do not depend on variables."""

    def __init__(self, schema: GraphQLSchema, *, are_fixed: bool) -> None:
        self._schema = schema
        self._are_fixed = are_fixed
        # By the identity of types and nodes, which live as long as the operation.
        self._known: dict[tuple[int, ...], Completion | None] = {}
        self._roots: Roots | None = None

    def completion(self, type_: GraphQLOutputType, details: FieldDetailsList, collect: Collect) -> Completion | None:
        """Return how values of that type are completed; None where the stock executor has to do it."""
        key = (id(type_), *(id(found.node) for found in details))
        if key not in self._known:
            self._known[key] = _Plan(self._schema, collect).completion(type_, details)
        return self._known[key]

    def roots(self, operation: OperationDefinitionNode, fragments: dict[str, FragmentDetails]) -> Roots:
        """Return how a query's root fields are done; none where the stock executor has to do it."""
        if not self._are_fixed:
            return ()
        if self._roots is None:
            collect = partial(collect_subfields, self._schema, fragments, NO_VARIABLES, operation)
            self._roots = roots_of(self._schema, operation, fragments, partial(self.completion, collect=collect))
        return self._roots


class _Remembered:
    """The plans of operations, for as long as their documents are remembered (`documents.py`), and no longer."""

    def __init__(self) -> None:
        # By identity: nodes are equal to others that say the same, and to compare them takes long.
        self._known: dict[int, tuple[ref[OperationDefinitionNode], dict[str, FragmentDetails], Plans]] = {}

    def of(
        self, schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: dict[str, FragmentDetails]
    ) -> Plans:
        """Return an operation's plans; new ones each time where it depends on variables what is asked for."""
        known = self._known.get(id(operation))
        if known is not None:
            return known[2]
        are_fixed = not any(map(_has_directive, (operation, *(found.definition for found in fragments.values()))))
        plans = Plans(schema, are_fixed=are_fixed)
        if are_fixed:
            key = id(operation)
            gone = ref(operation, lambda _: self._known.pop(key, None))
            # The fragments' nodes are kept beside, so that no others get their ids.
            self._known[key] = gone, fragments, plans
        return plans


plans_of = _Remembered().of


class _Plan:
    """One field's plan in the making."""

    def __init__(self, schema: GraphQLSchema, collect: Collect) -> None:
        self._schema = schema
        self._collect = collect

    def completion(self, type_: GraphQLOutputType, details: FieldDetailsList) -> Completion | None:
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
        # Where `@skip` and `@include` leave nothing, stock knows what that is.
        return Selection(columns) if columns else None

    def _column(self, type_: GraphQLObjectType, details: FieldDetailsList) -> Column | None:
        name = details[0].node.name.value
        field = self._schema.get_field(type_, name)
        reading = reading_of(type_, name)
        if field is None or reading is None or any(found.defer_usage is not None for found in details):
            return None
        completion = self.completion(field.type, details)
        return None if completion is None else Column(reading, completion)


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
        return _attribute(known.python_name) if known.default_resolver is getattr else None
    return _column(known) if not known.extensions else None


def _attribute(name: str, show: Show | None = None) -> Reading:
    def read(sources: Sequence[Any], kind: type | None, context: object) -> Values:
        values = list(map(getter(name, kind), sources))
        return show(values, context) if show else values

    return Reading(read, attribute=name)


def _column(field: StrawberryField) -> Reading | None:
    mark = mark_of(field)
    if mark is None:
        return None
    if mark.attribute is not None:
        return _attribute(mark.attribute, mark.show)
    read: Any = mark.read
    return Reading(lambda sources, _kind, context: read(sources, context), is_async=iscoroutinefunction(read))


def _type_name(type_: GraphQLObjectType) -> Reading:
    return Reading(lambda sources, _kind, _context: [type_.name] * len(sources))


class _FindDirective(Visitor):
    found = False

    def enter_directive(self, _node: DirectiveNode, *_: object) -> VisitorAction:
        self.found = True
        return BREAK


def _has_directive(definition: ExecutableDefinitionNode) -> bool:
    finder = _FindDirective()
    visit(definition, finder)
    return finder.found
