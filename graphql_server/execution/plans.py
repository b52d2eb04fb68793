"""From an operation to columns: which fields can be batched, and how their values are read."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any

import graphql
from graphql import GraphQLObjectType, GraphQLOutputType, GraphQLSchema, OperationDefinitionNode
from graphql.execution import collect_fields as collecting
from graphql.execution.collect_fields import CollectedFields, FieldDetailsList, FragmentDetails
from graphql.execution.values import VariableValues, get_argument_values
from graphql.pyutils import Path, is_awaitable
from strawberry.schema.schema import _OperationContextAwareGraphQLResolveInfo as ResolveInfo
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from graphql_server.execution.leaves import Leaf
from graphql_server.execution.objects import Column, Completion, ListOf, ObjectOf
from graphql_server.execution.values import Run, Unsupported, Values, all_of
from graphql_server.fields import attribute_of, batch_resolver_of

TYPE_NAME = "__typename"


@dataclass(frozen=True)
class Planner:
    """Plans one query, with the variables on which it depends what `@skip` and `@include` leave of it."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    variables: VariableValues

    def query(self) -> ObjectOf:
        """Return the completion of the root.

        Raises Unsupported, GraphQLError: the default executor has to do it.
        """
        root = self.schema.query_type
        if root is None:
            raise Unsupported("no queries")
        collected = collecting.collect_fields(self.schema, self.fragments, self.variables, root, self.operation)
        return self._object(root, collected, None, nullable=True)

    def _completion(self, type_: GraphQLOutputType, details: FieldDetailsList, path: Path) -> Completion:
        nullable = not graphql.is_non_null_type(type_)
        inner: Any = graphql.get_nullable_type(type_)
        if graphql.is_leaf_type(inner):
            return Leaf(inner, nullable=nullable)
        if graphql.is_list_type(inner):
            return ListOf(self._completion(inner.of_type, details, path), nullable=nullable)
        # An interface or a union has to be resolved first, and so is asked what it is of.
        if not graphql.is_object_type(inner) or inner.is_type_of is not None:
            raise Unsupported(inner)
        collected = collecting.collect_subfields(
            self.schema, self.fragments, self.variables, self.operation, inner, details
        )
        return self._object(inner, collected, path, nullable=nullable)

    def _object(
        self, type_: GraphQLObjectType, collected: CollectedFields, path: Path | None, *, nullable: bool
    ) -> ObjectOf:
        fields = collected.grouped_field_set
        if collected.new_defer_usages or not fields:
            raise Unsupported("@defer, or nothing at all")
        columns = {name: self._column(type_, details, Path(path, name, type_.name)) for name, details in fields.items()}
        return ObjectOf(columns, nullable=nullable)

    def _column(self, type_: GraphQLObjectType, details: FieldDetailsList, path: Path) -> Column:
        name = details[0].node.name.value
        definition = self.schema.get_field(type_, name)
        if definition is None:
            raise Unsupported(name)
        completion = self._completion(definition.type, details, path)
        if name == TYPE_NAME:
            return Column(completion, lambda sources, _run: [type_.name] * len(sources))
        field = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if not isinstance(field, StrawberryField):
            raise Unsupported("introspection")
        if (found := attribute_of(field)) is not None:
            return Column(completion, attribute=found.name, shown=found.shown)
        read = None if field.extensions else batch_resolver_of(field)
        if read is not None:
            return Column(
                completion,
                lambda sources, run: read(sources, run.context, **_arguments(definition, details, run)),
                iscoroutinefunction(read),
            )
        return Column(completion, _Resolver(type_, definition, details, path).read, is_async=True)


def _arguments(definition: graphql.GraphQLField, details: FieldDetailsList, run: Run) -> dict[str, Any]:
    """Return a field's arguments by their names in Python, for all objects of a list."""
    if not definition.args:
        return {}
    given = get_argument_values(definition, details[0].node, run.variables, hide_suggestions=True)
    backref = GraphQLCoreConverter.DEFINITION_BACKREF
    return {definition.args[name].extensions[backref].python_name: value for name, value in given.items()}


@dataclass(frozen=True)
class _Resolver:
    """Reads a field by its resolver, called for each object as the default executor does.

    The `info` that it is given is the same, but that the path has no places in lists, and that there are no helpers.
    """

    parent: GraphQLObjectType
    definition: graphql.GraphQLField
    details: FieldDetailsList
    path: Path

    def read(self, sources: Sequence[Any], run: Run) -> Awaitable[Values]:
        return all_of([self._resolved(source, run) for source in sources])

    async def _resolved(self, source: object, run: Run) -> Any:  # noqa: ANN401 - whatever the resolver returns
        # What roots resolve to is kept, in case that the default executor needs it.
        resolved, name = run.resolved if self.path.prev is None else {}, str(self.path.key)
        try:
            value = self._called(source, run)
            value = resolved[name] = await value if is_awaitable(value) else value
        except Exception as error:
            # To return an error is the same as to raise it.
            resolved[name] = error
            raise
        return value

    def _called(self, source: object, run: Run) -> Any:  # noqa: ANN401 - as above
        definition, nodes, arguments = self.definition, [found.node for found in self.details], {}
        if definition.args:
            arguments = get_argument_values(definition, nodes[0], run.variables, hide_suggestions=True)
        info = ResolveInfo(
            nodes[0].name.value, nodes, definition.type, self.parent, self.path, run.schema, run.fragments, None,
            run.operation, run.variables.coerced, run.context, is_awaitable, None, None, run.extensions,
        )  # fmt: skip
        resolve: Callable[..., Any] = definition.resolve or graphql.default_field_resolver
        return resolve(source, info, **arguments)
