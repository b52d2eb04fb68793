"""What an operation may take, reckoned from its document alone: how deep it goes, and how many values it answers with.

Each selection set and each fragment is visited once, whatever refers to it; numbers are added and multiplied on the
way. Every field counts 1, and whatever is in a list counts as often as the list is long: `first` of a connection, else
`Sizes`. Fragments on different types of a union are added up, though only one can apply; the same field asked for twice
counts twice; `@skip` and `@include` change nothing. Page sizes in variables are filled in per request.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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
# Fragments can multiply numbers without end; nobody needs to know more than this of them.
MOST = 1e12
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


@dataclass(frozen=True)
class Amount:
    """A number of values: a constant, and multiples of the pages (by index) whose size a variable gives."""

    constant: float = 0
    pages: Mapping[int, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.constant or self.pages)

    def plus(self, other: "Amount") -> "Amount":
        """Return the sum."""
        if not (self.pages or other.pages):
            return Amount(_capped(self.constant + other.constant))
        indices = self.pages.keys() | other.pages.keys()
        pages = {index: _capped(self.pages.get(index, 0) + other.pages.get(index, 0)) for index in indices}
        return Amount(_capped(self.constant + other.constant), pages)

    def times(self, factor: float) -> "Amount":
        """Return the multiple."""
        pages = {index: _capped(share * factor) for index, share in self.pages.items()}
        return Amount(_capped(self.constant * factor), pages)

    def value(self, pages: list[float]) -> float:
        """Return the number, given the values of the pages."""
        return _capped(self.constant + sum(share * pages[index] for index, share in self.pages.items()))


@dataclass(frozen=True)
class Page:
    """What a connection answers with, once per node, for as many nodes as a variable says."""

    variable: str
    per_node: Amount


class Shape(NamedTuple):
    """A selection set: levels and fields in it, and its values. Those in a connection's lists count once per node."""

    depth: int = 0
    fields: int = 0
    once: Amount = Amount()
    per_node: Amount = Amount()

    def beside(self, other: "Shape") -> "Shape":
        """Return both in one selection set."""
        return Shape(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.once.plus(other.once) if other.once else self.once,
            self.per_node.plus(other.per_node) if other.per_node else self.per_node,
        )


NOTHING = Shape()


@dataclass(frozen=True)
class Operation:
    """An operation and its figures. `pages` are the document's, each after those that it contains."""

    node: OperationDefinitionNode
    depth: int
    root_fields: int
    _amount: Amount
    _pages: tuple[Page, ...]
    _defaults: Mapping[str, object]
    _sizes: Sizes
    label: str = ""

    def cost(self, variables: Mapping[str, Any]) -> int:
        """Return how many values the answer may hold, given the request's variables as they came."""
        pages: list[float] = []
        for page in self._pages:
            size = variables.get(page.variable, self._defaults.get(page.variable, self._sizes.default_page))
            pages.append(self._sizes.page(size) * page.per_node.value(pages))
        return round(self._amount.value(pages))


def operations(schema: GraphQLSchema, document: DocumentNode, sizes: Sizes) -> dict[str | None, Operation]:
    """Return the figures of a document's operations by name. The document need not be valid."""
    shapes = _Shapes(schema, document, sizes)
    return {
        node.name.value if node.name else None: shapes.operation(node)
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode)
    }


class _Shapes:
    """The shapes of a document's fragments, made in an order in which each finds those it needs."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, sizes: Sizes) -> None:
        self._schema = schema
        self._sizes = sizes
        self._pages: list[Page] = []
        self._shapes: dict[str, Shape] = {}
        fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
        for fragment in _innermost_first(fragments):
            on = schema.get_type(fragment.type_condition.name.value)
            # In a cycle, which validation refuses, one of them finds nothing.
            self._shapes[fragment.name.value] = self._selection_set(fragment.selection_set, on)

    def operation(self, node: OperationDefinitionNode) -> Operation:
        """Return the figures of an operation."""
        shape = self._selection_set(node.selection_set, self._schema.get_root_type(node.operation))
        defaults = {
            variable.variable.name.value: self._sizes.literal(variable.default_value)
            for variable in node.variable_definitions or ()
            if variable.default_value is not None
        }
        amount, pages = shape.once.plus(shape.per_node), tuple(self._pages)
        return Operation(node, shape.depth, shape.fields, amount, pages, defaults, self._sizes, _label_of(node))

    def _selection_set(self, node: SelectionSetNode | None, on: GraphQLNamedType | None) -> Shape:
        shape = NOTHING
        for selection in node.selections if node else ():
            shape = shape.beside(self._selection(selection, on))
        return shape

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
        values = Amount(1).plus(inside.once).plus(self._nodes(node, definition, inside.per_node))
        is_list = definition is not None and is_list_type(get_nullable_type(definition.type))
        if is_list and _is_connection(on):
            return Shape(inside.depth + 1, 1, per_node=values)
        length = self._sizes.length(f"{on and on.name}.{node.name.value}", is_list=is_list)
        return Shape(inside.depth + 1, 1, once=values if length == 1 else values.times(length))

    def _nodes(self, node: FieldNode, definition: GraphQLField | None, per_node: Amount) -> Amount:
        """Return what the lists of a connection hold."""
        if not per_node:
            return per_node
        first = next((argument.value for argument in node.arguments or () if argument.name.value == "first"), None)
        if isinstance(first, VariableNode):
            self._pages.append(Page(first.name.value, per_node))
            return Amount(0, {len(self._pages) - 1: 1})
        if first is None:
            has_pages = definition is not None and "first" in definition.args
            return per_node.times(self._sizes.default_page if has_pages else self._sizes.other)
        return per_node.times(self._sizes.literal(first))


def _is_connection(type_: GraphQLNamedType | None) -> bool:
    return isinstance(type_, GraphQLObjectType) and "pageInfo" in type_.fields


def _capped(number: float) -> float:
    return min(number, MOST)


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
            waiting.extend((spread, False) for spread in _spreads(fragments[name].selection_set))


def _spreads(selection_set: SelectionSetNode) -> Iterator[str]:
    waiting: list[SelectionNode] = list(selection_set.selections)
    while waiting:
        node = waiting.pop()
        if isinstance(node, FragmentSpreadNode):
            yield node.name.value
        elif isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
            waiting.extend(node.selection_set.selections)


def _label_of(operation: OperationDefinitionNode) -> str:
    """Return the operation's type with its root field; of a valid document, that is a name of the schema."""
    selections = operation.selection_set.selections
    roots = {node.name.value for node in selections if isinstance(node, FieldNode)}
    is_one = len(roots) == 1 and all(isinstance(node, FieldNode) for node in selections)
    return f"{operation.operation.value} {roots.pop() if is_one else SEVERAL}"
