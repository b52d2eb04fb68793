"""A query as a whole: its root fields are resolved as graphql-core would, and completed a field at a time.

No executor is made: graphql-core's is a cycle, which holds what was read until the garbage collector comes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
)
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails, collect_fields
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values
from graphql.pyutils import Path, is_awaitable

from graphql_server.execution.values import Completion, Unusual, all_of, note

NO_VARIABLES = VariableValues({}, {})
# How a field of that type is completed; None where only the stock executor can do it.
Plan = Callable[[GraphQLOutputType, FieldDetailsList], Completion | None]


class Root(NamedTuple):
    """A root field that the fast path understands."""

    path: Path
    parent: GraphQLObjectType
    definition: GraphQLField
    resolve: Callable[..., Any]
    details: FieldDetailsList
    completion: Completion

    @property
    def name(self) -> str:
        """Its name in the response."""
        return str(self.path.key)


Roots = tuple[Root, ...]


class ResolveInfo(NamedTuple):
    """What resolvers are told, under graphql-core's and Strawberry's names, but for helpers that an executor has."""

    field_name: str
    field_nodes: list[Any]
    return_type: GraphQLOutputType
    parent_type: GraphQLObjectType
    path: Path
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    operation: OperationDefinitionNode
    variable_values: dict[str, Any]
    context: Any
    operation_extensions: dict[str, Any] | None
    root_value: None = None
    is_awaitable: Callable[[Any], bool] = is_awaitable


@dataclass(frozen=True)
class Query:
    """A query that is to be executed; its root is None."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: dict[str, Any] | None
    context: Any
    extensions: dict[str, Any] | None

    def coerced_variables(self) -> VariableValues:
        """Return the variables as the operation defines them.

        Raises:
            Unusual: they are wrong

        """
        definitions, given = self.operation.variable_definitions or (), self.variables or {}
        # One error is enough: stock tells them, and to make thousands takes long.
        values = get_variable_values(self.schema, definitions, given, max_errors=1, hide_suggestions=True)
        if isinstance(values, list):
            raise Unusual(values)
        return values


class Answer:
    """The answer to a query: what its root fields returned, and what becomes of that."""

    def __init__(self, query: Query, roots: Roots) -> None:
        self._query = query
        self._roots = roots
        self._resolved: dict[str, Any] = {}

    async def data(self) -> dict[str, Any] | None:
        """Return the response's data; None where the stock executor has to do it, with this as its middleware."""
        try:
            return await self._data(self._query.coerced_variables())
        except Exception as reason:  # noqa: BLE001 - whatever it is, stock finds it again
            note(reason)
            return None

    def resolve(
        self,
        resolve: Callable[..., Any],
        source: object,
        info: GraphQLResolveInfo[Any],
        **arguments: Any,  # noqa: ANN401 - the field's
    ) -> Any:  # noqa: ANN401 - whatever the resolver returns
        """As a middleware of graphql-core, give what root fields have returned or raised: nothing is read twice."""
        if info.path.prev is None and info.path.key in self._resolved:
            return self._resolved[str(info.path.key)]
        return resolve(source, info, **arguments)

    async def _data(self, variables: VariableValues) -> dict[str, Any]:
        if len(self._roots) == 1:
            return {self._roots[0].name: await self._completed(self._roots[0], variables)}
        completed = await all_of([self._completed(root, variables) for root in self._roots])
        return {root.name: value for root, value in zip(self._roots, completed, strict=True)}

    async def _completed(self, root: Root, variables: VariableValues) -> Any:  # noqa: ANN401 - as the field's type has it
        try:
            value = self._value(root, variables)
            value = self._resolved[root.name] = await value if is_awaitable(value) else value
        except Exception as error:
            # To return an error is the same as to raise it.
            self._resolved[root.name] = error
            raise
        if root.completion.waits:
            return (await root.completion.later([value], self._query.context))[0]
        return root.completion.now([value], self._query.context)[0]

    def _value(self, root: Root, variables: VariableValues) -> Any:  # noqa: ANN401 - whatever the resolver returns
        query, nodes, arguments = self._query, [found.node for found in root.details], {}
        if root.definition.args:
            arguments = get_argument_values(root.definition, nodes[0], variables, hide_suggestions=True)
        info = ResolveInfo(
            nodes[0].name.value, nodes, root.definition.type, root.parent, root.path, query.schema, query.fragments,
            query.operation, variables.coerced, query.context, query.extensions,
        )  # fmt: skip
        return root.resolve(None, info, **arguments)


def roots_of(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: dict[str, FragmentDetails], plan: Plan
) -> Roots:
    """Return the root fields of a query; none where the stock executor has to do one of them."""
    parent = schema.query_type
    if parent is None or operation.operation is not OperationType.QUERY:
        return ()
    collected = collect_fields(schema, fragments, NO_VARIABLES, parent, operation)
    found = [_root(name, parent, details, plan) for name, details in collected.grouped_field_set.items()]
    roots = tuple(root for root in found if root is not None)
    return roots if len(roots) == len(found) else ()


def _root(name: str, parent: GraphQLObjectType, details: FieldDetailsList, plan: Plan) -> Root | None:
    definition = parent.fields.get(details[0].node.name.value)
    # Introspection is asked of the schema and not of a root.
    if definition is None or definition.resolve is None:
        return None
    completion = plan(definition.type, details)
    if completion is None:
        return None
    return Root(Path(None, name, parent.name), parent, definition, definition.resolve, details, completion)
