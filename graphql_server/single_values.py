"""Variables of one value where lists are expected: they become variables of lists, so that an argument can become one.

A literal of one value stands for a list of it (GraphQL specification, 'List', 'Input Coercion'), and so does a value
that comes for a variable of lists. Only the variable's own type would make documents of deployed clients invalid.
"""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLInputType,
    GraphQLSchema,
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    TypeInfo,
    ValidationContext,
    VariableDefinitionNode,
    get_nullable_type,
    is_list_type,
    type_from_ast,
)


def with_lists(schema: GraphQLSchema, document: DocumentNode) -> DocumentNode:
    """Return the document with each variable as one of lists that is used for nothing but lists of its type."""
    context = ValidationContext(schema, document, TypeInfo(schema), lambda _error: None)
    definitions = tuple(
        _widened(context, node) if isinstance(node, OperationDefinitionNode) and node.variable_definitions else node
        for node in document.definitions
    )
    if all(new is old for new, old in zip(definitions, document.definitions, strict=True)):
        return document
    return replace(document, definitions=definitions)


def _widened(context: ValidationContext, operation: OperationDefinitionNode) -> OperationDefinitionNode:
    expected: defaultdict[str, list[GraphQLInputType | None]] = defaultdict(list)
    for usage in context.get_recursive_variable_usages(operation):
        expected[usage.node.name.value].append(usage.type)
    before = operation.variable_definitions or ()
    after = tuple(_as_list(context, found, expected[found.variable.name.value]) for found in before)
    if all(new is old for new, old in zip(after, before, strict=True)):
        return operation
    return replace(operation, variable_definitions=after)


def _as_list(
    context: ValidationContext, definition: VariableDefinitionNode, expected: list[GraphQLInputType | None]
) -> VariableDefinitionNode:
    type_ = definition.type
    named = type_.type if isinstance(type_, NonNullTypeNode) else type_
    if not expected or not isinstance(named, NamedTypeNode):
        return definition
    own = type_from_ast(context.schema, named)
    if not all(_is_list_of(type_, own) for type_ in expected):
        return definition
    items = ListTypeNode(type=NonNullTypeNode(type=named))
    return replace(definition, type=NonNullTypeNode(type=items) if isinstance(type_, NonNullTypeNode) else items)


def _is_list_of(type_: Any, own: object) -> bool:  # noqa: ANN401 - the type of an argument
    nullable = get_nullable_type(type_) if type_ is not None else None
    return is_list_type(nullable) and get_nullable_type(nullable.of_type) is own
