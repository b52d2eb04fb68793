"""From text to a document that may be executed: parsed, checked against the limits, and validated; once per text."""

import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import is_
from typing import Any

from graphql import (
    DefinitionNode,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
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
    specified_rules,
    type_from_ast,
    validate,
)
from graphql import OperationType as CoreOperationType
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import get_variable_values
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from graphql_server.cost import Operation, Sizes, operations
from graphql_server.execution.batch import Query
from graphql_server.limits import (
    Limits,
    abbreviated,
    check_cost,
    check_document,
    check_variables,
    coded,
    parsed,
)


def with_lists(schema: GraphQLSchema, document: DocumentNode) -> DocumentNode:
    """Return the document with each variable as one of lists that is used for nothing but lists of its type."""
    context = ValidationContext(schema, document, TypeInfo(schema), lambda _error: None)
    definitions = tuple(_widened(context, node) for node in document.definitions)
    return document if all(map(is_, definitions, document.definitions)) else replace(document, definitions=definitions)


def _widened(context: ValidationContext, operation: DefinitionNode) -> DefinitionNode:
    if not isinstance(operation, OperationDefinitionNode) or not operation.variable_definitions:
        return operation
    expected: defaultdict[str, list[Any]] = defaultdict(list)
    for usage in context.get_recursive_variable_usages(operation):
        expected[usage.node.name.value].append(usage.type)
    before = operation.variable_definitions
    after = tuple(_as_list(context, found, expected[found.variable.name.value]) for found in before)
    return operation if all(map(is_, after, before)) else replace(operation, variable_definitions=after)


def _as_list(
    context: ValidationContext, definition: VariableDefinitionNode, expected: Sequence[Any]
) -> VariableDefinitionNode:
    type_ = definition.type
    named = type_.type if isinstance(type_, NonNullTypeNode) else type_
    if not expected or not isinstance(named, NamedTypeNode):
        return definition
    own = type_from_ast(context.schema, named)
    for nullable in map(get_nullable_type, expected):
        if not is_list_type(nullable) or get_nullable_type(nullable.of_type) is not own:
            return definition
    items = ListTypeNode(type=NonNullTypeNode(type=named))
    return replace(definition, type=NonNullTypeNode(type=items) if isinstance(type_, NonNullTypeNode) else items)


# Strawberry's own rules go with the standard ones; the caches of Strawberry are not used beside the one here.
RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
MOST_ERRORS = 5
LONGEST_NAME_SHOWN = 100


@dataclass(frozen=True)
class Document:
    """A document within the limits, what is wrong with it, its operations' figures and its queries by name.

    `tokens` is how long its text was.
    """

    node: DocumentNode
    errors: list[GraphQLError]
    operations: dict[str | None, Operation]
    queries: dict[str | None, Query]
    tokens: int


@dataclass
class Documents:
    """The documents of one schema. What was asked lately is remembered, also where it is invalid.

    Each process remembers for itself: a client that names a document by its hash, and meets one that does not know it,
    sends the document once more.
    """

    limits: Limits = field(default_factory=Limits)
    sizes: Sizes = field(default_factory=Sizes)
    introspection: bool = True
    most: int = 500
    # What is remembered of a document takes some 600 bytes for each token of it.
    most_tokens: int = 100_000
    _known: OrderedDict[str, Document] = field(default_factory=OrderedDict)
    _named: dict[str, str] = field(default_factory=dict)
    _tokens: int = 0

    def of(self, query: str, schema: GraphQLSchema) -> Document:
        """Return the document of a text.

        Raises GraphQLError: it cannot be parsed or exceeds a limit; what is merely invalid is told by its `errors`.
        """
        document = self._known.get(query)
        if document is None:
            document = self.checked(parsed(query, self.limits), schema)
            self._remember(query, document)
        else:
            self._known.move_to_end(query)
        return document

    def knows(self, query: str | None) -> bool:
        """Whether a text is remembered."""
        return query in self._known

    def label(self, query: str, operation_name: str | None) -> str | None:
        """Return what an operation of a remembered text is called; of its only one, where there is no name."""
        document = self._known.get(query)
        operations = document.operations if document is not None else {}
        if operation_name is None and len(operations) == 1:
            (operation,) = operations.values()
            return operation.label
        return operations[operation_name].label if operation_name in operations else None

    def name(self, sha256: str, query: str) -> None:
        """Let a text be found by its hash for as long as it is remembered."""
        if query in self._known:
            self._named[sha256] = query

    def named(self, sha256: str) -> str | None:
        """Return the text that was named so."""
        return self._named.get(sha256)

    def checked(self, node: DocumentNode, schema: GraphQLSchema) -> Document:
        """Check and validate what has been parsed already.

        Raises GraphQLError: it exceeds a limit.
        """
        figures = operations(schema, node, self.sizes)
        check_document(node, figures.values(), self.limits, introspection=self.introspection)
        tokens = node.token_count
        listing = with_lists(schema, node)
        if listing is not node:
            node, figures = listing, operations(schema, listing, self.sizes)
        errors = validate(schema, node, RULES, MOST_ERRORS, hide_suggestions=not self.introspection)
        fragments = {
            found.name.value: FragmentDetails(found)
            for found in node.definitions
            if isinstance(found, FragmentDefinitionNode)
        }
        queries = {
            name: Query(schema, operation.node, fragments)
            for name, operation in figures.items()
            if operation.node.operation is CoreOperationType.QUERY
        }
        return Document(node, [coded(error, "GRAPHQL_VALIDATION_FAILED") for error in errors], figures, queries, tokens)

    def _remember(self, query: str, document: Document) -> None:
        self._known[query] = document
        self._tokens += _weight(query, document)
        while len(self._known) > self.most or self._tokens > self.most_tokens:
            text, forgotten = self._known.popitem(last=False)
            self._tokens -= _weight(text, forgotten)
            self._named.pop(sha256_of(text), None)


def _weight(query: str, document: Document) -> int:
    """Return how many tokens' memory a document takes with its text, of which a character takes up to four bytes."""
    return document.tokens + len(query) // 150


def sha256_of(query: str) -> str:
    """Return the hash that a text is named by, in small letters."""
    return hashlib.sha256(query.encode()).hexdigest()


class DocumentGate(SchemaExtension):
    """Lets through what may be executed, and tells what it may cost, in `extensions.cost` of the answer."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self.document: Document | None = None
        self.operation: Operation | None = None
        self.query: Query | None = None
        self._cost: dict[str, int] | None = None

    def on_parse(self) -> Iterator[None]:
        """See `take`."""
        self.take()
        yield

    def on_validate(self) -> Iterator[None]:
        """See `check`."""
        self.check()
        yield

    def take(self) -> None:
        """Take the document from memory, or check it; one that is there already was parsed by somebody else.

        Raises GraphQLError: as `Documents.of`.
        """
        context = self.execution_context
        schema = context.schema._schema  # noqa: SLF001 - Strawberry offers no other way to it
        if context.graphql_document is not None:
            self.document = self._documents.checked(context.graphql_document, schema)
            context.graphql_document = self.document.node
        elif context.query:
            self.document = self._documents.of(context.query, schema)
            context.graphql_document = self.document.node

    def check(self) -> None:
        """Hand over what validation has found, and reckon the cost with the variables of this request.

        Raises GraphQLError: it must not be executed.
        """
        context, document = self.execution_context, self.document
        if document is not None:
            # An empty list tells Strawberry that validation is done.
            context.pre_execution_errors = list(document.errors)
            if not document.errors:
                self._check(document)

    def get_results(self) -> dict[str, Any]:
        """Return the cost; not for each event of a subscription."""
        return {} if self._cost is None else {"cost": self._cost}

    def _check(self, document: Document) -> None:
        context, limits = self.execution_context, self._documents.limits
        if len(document.operations) > 1 and context._provided_operation_name is None:  # noqa: SLF001 - as above
            # Strawberry would execute the first one (GraphQL, section 6.1: a request error).
            message = "This document has several operations. Name the one to execute in `operationName`."
            raise GraphQLError(message, extensions={"code": "OPERATION_NAME_REQUIRED"})
        variables, name = context.variables or {}, context.operation_name
        has_long_text = check_variables(variables, limits)
        self.operation, self.query = document.operations[name], document.queries.get(name)
        type_ = self.operation.node.operation
        if type_ is CoreOperationType.MUTATION:
            _check_declared(self.operation, variables)
        sizes = self._documents.sizes
        pages = tuple(sizes.page(variables.get(page, default)) for page, default in self.operation.pages.items())
        requested = self.operation.cost(pages)
        if type_ is not CoreOperationType.SUBSCRIPTION:
            self._cost = {"requested": requested, "maximum": limits.cost}
        check_cost(requested, limits)
        # Of a wrong variable, graphql-core writes down all that is in it before it shortens that; and a subscription's
        # wrong variables it tells without a limit.
        if has_long_text or type_ is CoreOperationType.SUBSCRIPTION:
            context.pre_execution_errors = self._wrong_variables(self.operation, abbreviated(variables))

    def _wrong_variables(self, operation: Operation, variables: dict[str, Any]) -> list[GraphQLError]:
        schema = self.execution_context.schema._schema  # noqa: SLF001 - as above
        definitions = operation.node.variable_definitions or ()
        found = get_variable_values(schema, definitions, variables, MOST_ERRORS, hide_suggestions=True)
        return [coded(error, "INVALID_VARIABLES") for error in found] if isinstance(found, list) else []


def _check_declared(operation: Operation, variables: Mapping[str, object]) -> None:
    """Refuse a mutation that would leave out what came with it; a query may, as some clients send more to all."""
    declared = {definition.variable.name.value for definition in operation.node.variable_definitions or ()}
    for name in variables:
        if name not in declared:
            message = f"The mutation does not declare the variable '${name[:LONGEST_NAME_SHOWN]}'"
            raise GraphQLError(message, extensions={"code": "INVALID_VARIABLES"})
