"""What an operation may take, reckoned from its document alone: how deep it goes, and how many values it answers with.

Each selection set and each fragment is visited once, whatever refers to it; numbers are added and multiplied on the
way. Every field counts 1, and whatever is in a list counts as often as the list is long: `first` of a connection, else
`Sizes`. Fragments on different types of a union are added up, though only one can apply; the same field asked for twice
counts twice; `@skip` and `@include` change nothing. Page sizes in variables are those of a request.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    Node,
    NullValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

# The lists of introspection, as a schema of some hundred types has them on the average: so the whole of it can be asked
# for once, but not many times at once.
INTROSPECTION_LENGTHS: dict[str, float] = {
    "__Schema.types": 100,
    "__Schema.directives": 5,
    "__Type.fields": 4,
    "__Type.inputFields": 1,
    "__Type.interfaces": 0.25,
    "__Type.enumValues": 1,
    "__Type.possibleTypes": 0.5,
    "__Type.ofType": 0.5,
    "__Field.args": 0.25,
    "__Directive.args": 1,
}
# Nobody needs to know more than this of a number of values.
MOST = 1e12
# A document's costs for so many combinations of page sizes are reckoned once.
REMEMBERED_COSTS = 32
LONGEST_NUMBER = 9
SEVERAL = "several"


@dataclass(frozen=True)
class Sizes:
    """How long lists are taken to be.

    `lengths` has them by `Type.field`; for what is no list, how often it is not null. `default_page` and `largest_page`
    are those of connections, `other` is for lists of which nothing is known.
    """

    lengths: Mapping[str, float] = field(default_factory=dict)
    default_page: int = 20
    largest_page: int = 100
    other: float = 5.0

    def length(self, type_and_field: str, *, is_list: bool) -> float:
        """Return how many values a field of one object stands for."""
        other = self.other if is_list else 1
        return self.lengths.get(type_and_field, INTROSPECTION_LENGTHS.get(type_and_field, other))

    def page(self, first: object) -> float:
        """Return how many nodes come; no acceptable number is refused later on, so the largest will do for it."""
        if first is None:
            return self.default_page
        if isinstance(first, int | float) and 0 <= first <= self.largest_page:
            return first
        return self.largest_page

    def literal(self, node: ValueNode) -> float:
        """Return the same for what the document says."""
        if isinstance(node, IntValueNode) and len(node.value) <= LONGEST_NUMBER:
            return self.page(int(node.value))
        if isinstance(node, NullValueNode):
            return self.default_page
        return self.largest_page


_WITH_FIELDS = (GraphQLObjectType, GraphQLInterfaceType)


class Shape(NamedTuple):
    """A selection set: levels and fields in it, and its values. Those in a connection's lists count once per node."""

    depth: int = 0
    fields: int = 0
    once: float = 0
    per_node: float = 0


NOTHING = Shape()


@dataclass(frozen=True)
class Operation:
    """An operation and its figures.

    `pages` are the variables by which the document asks for pages, with the sizes where a request has none of them.
    `cost` tells how many values the answer may hold, given the sizes of those pages in that order.
    """

    node: OperationDefinitionNode
    depth: int
    root_fields: int
    label: str
    pages: Mapping[str, float]
    cost: Callable[[tuple[float, ...]], int]


def operations(schema: GraphQLSchema, document: DocumentNode, sizes: Sizes) -> dict[str | None, Operation]:
    """Return the figures of a document's operations by name. The document need not be valid."""
    nodes = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    named = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    fragments = list(_innermost_first(named))
    shapes = _Shapes(schema, fragments, sizes, {})
    figures = [shapes.operation(node) for node in nodes]
    pages = tuple(shapes.asked)

    def cost(node: OperationDefinitionNode, lengths: tuple[float, ...]) -> int:
        shape = _Shapes(schema, fragments, sizes, dict(zip(pages, lengths, strict=True))).operation(node)
        return round(min(shape.once + shape.per_node, MOST))

    return {
        node.name.value if node.name else None: Operation(
            node,
            shape.depth,
            shape.fields,
            _label_of(node),
            dict.fromkeys(pages, sizes.default_page) | _defaults(node, pages, sizes),
            lru_cache(REMEMBERED_COSTS)(partial(cost, node)),
        )
        for node, shape in zip(nodes, figures, strict=True)
    }


class _Shapes:
    """The shapes of a document's fragments, made in an order in which each finds those it needs."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Sequence[FragmentDefinitionNode],
        sizes: Sizes,
        pages: Mapping[str, float],
    ) -> None:
        self._schema = schema
        self._sizes = sizes
        self._pages = pages
        self._shapes: dict[str, Shape] = {}
        self.asked: dict[str, None] = {}
        """The variables that pages were asked for by."""
        for fragment in fragments:
            on = schema.get_type(fragment.type_condition.name.value)
            # In a cycle, which validation refuses, one of them finds nothing.
            self._shapes[fragment.name.value] = self._selection_set(fragment.selection_set, on)

    def operation(self, node: OperationDefinitionNode) -> Shape:
        """Return the shape of an operation."""
        return self._selection_set(node.selection_set, self._schema.get_root_type(node.operation))

    def _selection_set(self, node: SelectionSetNode | None, on: GraphQLNamedType | None) -> Shape:
        shapes = [self._selection(selection, on) for selection in node.selections] if node else [NOTHING]
        depths, fields, once, per_node = zip(*shapes, strict=True)
        return Shape(max(depths), sum(fields), sum(once), sum(per_node))

    def _selection(self, node: SelectionNode, on: GraphQLNamedType | None) -> Shape:
        if isinstance(node, FieldNode):
            return self._field(node, on)
        if isinstance(node, FragmentSpreadNode):
            return self._shapes.get(node.name.value, NOTHING)
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            return self._selection_set(
                node.selection_set, self._schema.get_type(condition.name.value) if condition else on
            )
        return NOTHING

    def _field(self, node: FieldNode, on: GraphQLNamedType | None) -> Shape:
        definition = self._schema.get_field(on, node.name.value) if isinstance(on, _WITH_FIELDS) else None
        inside = self._selection_set(node.selection_set, get_named_type(definition.type) if definition else None)
        nodes = inside.per_node and inside.per_node * self._page(node, definition)
        # Fragments can multiply numbers without end.
        values = min(1 + inside.once + nodes, MOST)
        is_list = definition is not None and is_list_type(get_nullable_type(definition.type))
        if is_list and isinstance(on, GraphQLObjectType) and "pageInfo" in on.fields:
            return Shape(inside.depth + 1, 1, per_node=values)
        length = self._sizes.length(f"{on and on.name}.{node.name.value}", is_list=is_list)
        return Shape(inside.depth + 1, 1, once=values * length)

    def _page(self, node: FieldNode, definition: GraphQLField | None) -> float:
        """Return how long the lists of a connection are."""
        first = next((argument.value for argument in node.arguments or () if argument.name.value == "first"), None)
        if isinstance(first, VariableNode):
            self.asked[first.name.value] = None
            return self._pages.get(first.name.value, self._sizes.default_page)
        if first is None:
            has_pages = definition is not None and "first" in definition.args
            return self._sizes.default_page if has_pages else self._sizes.other
        return self._sizes.literal(first)


def _defaults(node: OperationDefinitionNode, pages: Sequence[str], sizes: Sizes) -> dict[str, float]:
    return {
        variable.variable.name.value: sizes.literal(variable.default_value)
        for variable in node.variable_definitions or ()
        if variable.default_value is not None and variable.variable.name.value in pages
    }


def _innermost_first(fragments: Mapping[str, FragmentDefinitionNode]) -> Iterator[FragmentDefinitionNode]:
    """Yield each fragment after those that it spreads. Chains are long where somebody means ill: no recursion here."""
    entered: set[str] = set()
    waiting = [(name, False) for name in fragments]
    while waiting:
        name, done = waiting.pop()
        if done:
            yield fragments[name]
        elif name in fragments and name not in entered:
            entered.add(name)
            waiting.append((name, True))
            inside = nodes_of([fragments[name]])
            waiting.extend((node.name.value, False) for node in inside if isinstance(node, FragmentSpreadNode))


def nodes_of(definitions: Iterable[Node]) -> Iterator[Node]:
    """Yield definitions and what they select, whatever refers to it, and the variables that they define."""
    waiting = list(definitions)
    while waiting:
        node = waiting.pop()
        yield node
        selection_set = getattr(node, "selection_set", None)
        waiting += selection_set.selections if selection_set else ()
        waiting += getattr(node, "variable_definitions", None) or ()


def _label_of(operation: OperationDefinitionNode) -> str:
    """Return the operation's type with its root field; of a valid document, that is a name of the schema."""
    selections = operation.selection_set.selections
    roots = {node.name.value for node in selections if isinstance(node, FieldNode)}
    is_one = len(roots) == 1 and all(isinstance(node, FieldNode) for node in selections)
    return f"{operation.operation.value} {roots.pop() if is_one else SEVERAL}"
