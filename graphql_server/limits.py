"""What a GraphQL request may ask of us, and how many values an answer may hold; each refusal has a stable code.

All is checked before execution but the number of values: a document alone does not say how long lists are.

The limits are far above what a frontend needs, and so low that refusing, or validating, takes some milliseconds.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    parse,
)
from graphql.type import GraphQLResolveInfoHelpers
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graphql_server.cost import Operation, nodes_of

MOST_VALUES = 200_000
# So many characters of text count as one more value; most texts are shorter.
TEXT_CHARACTERS = 200

LONGEST_MESSAGE = 500
MOST_LOCATIONS = 3
LONGEST_SHOWN = 1_000
MOST_LEVELS = 20
_NESTED = {dict, list}
INTROSPECTION_FIELDS = {"__schema", "__type"}


@dataclass(frozen=True)
class Limits:
    """How much is accepted. `pairs`: how often two fields of one name have to be compared.

    Lines are counted for each location in each error anew.
    """

    characters: int = 100_000
    lines: int = 10_000
    tokens: int = 2_000
    depth: int = 15
    aliases: int = 60
    directives: int = 50
    root_fields: int = 20
    pairs: int = 5_000
    cost: int = 20_000
    variable_values: int = 5_000
    list_items: int = 1_000


def parsed(query: str, limits: Limits) -> DocumentNode:
    """Parse a document.

    Raises GraphQLError: DOCUMENT_TOO_LONG, TOO_MANY_TOKENS, GRAPHQL_PARSE_FAILED.
    """
    _check(len(query), limits.characters, "DOCUMENT_TOO_LONG", "The document is {:,} characters long")
    _check(1 + query.count("\n") + query.count("\r"), limits.lines, "DOCUMENT_TOO_LONG", "The document has {:,} lines")
    try:
        return parse(query, max_tokens=limits.tokens)
    except GraphQLSyntaxError as error:
        if error.message.startswith(f"Syntax Error: Document contains more than {limits.tokens} tokens"):
            beginning = f"The document has more than {limits.tokens:,} tokens"
            raise _refusal("TOO_MANY_TOKENS", beginning, limits.tokens) from None
        raise coded(error, "GRAPHQL_PARSE_FAILED") from None


def check_document(
    document: DocumentNode, operations: Iterable[Operation], limits: Limits, *, introspection: bool
) -> None:
    """Refuse what is in no frontend's interest, whichever of the document's operations is asked for.

    Raises:
        GraphQLError: TOO_MANY_ALIASES, TOO_MANY_DIRECTIVES, TOO_DEEP, TOO_MANY_ROOT_FIELDS, TOO_REPETITIVE,
            INTROSPECTION_DISABLED

    """
    aliases = directives = 0
    # Fields by the name that they have in the answer, spreads and operations by their kind: validation compares each
    # with each of its kind, which takes a second for 500 fields.
    names: Counter[object] = Counter()
    for node in nodes_of(document.definitions):
        directives += len(getattr(node, "directives", None) or ())
        if isinstance(node, FieldNode):
            if node.name.value in INTROSPECTION_FIELDS and not introspection:
                raise GraphQLError("Introspection is switched off.", extensions={"code": "INTROSPECTION_DISABLED"})
            aliases += node.alias is not None
            names[(node.alias or node.name).value] += 1
        elif isinstance(node, FragmentSpreadNode | OperationDefinitionNode):
            names[type(node)] += 1
    _check(aliases, limits.aliases, "TOO_MANY_ALIASES", "The document has {:,} aliases")
    _check(directives, limits.directives, "TOO_MANY_DIRECTIVES", "The document has {:,} directives")
    for operation in operations:
        _check(operation.depth, limits.depth, "TOO_DEEP", "The operation is {:,} levels deep")
        _check(operation.root_fields, limits.root_fields, "TOO_MANY_ROOT_FIELDS", "The operation has {:,} root fields")
    text = "The document names the same fields, fragments or operations so often that {:,} pairs have to be compared"
    pairs = sum(count * (count - 1) // 2 for count in names.values())
    _check(pairs, limits.pairs, "TOO_REPETITIVE", text)


def check_variables(variables: Mapping[str, object], limits: Limits) -> bool:
    """Refuse variables with too many values in them, and return whether there is a long text, which is one value.

    Of a list, what is behind `limits.list_items` is dropped, but for one item: every list has a rule of its own that
    refuses as many, and graphql-core would take long for all of them before that rule sees the list.

    Raises GraphQLError: TOO_MANY_VALUES.
    """
    has_long_text, count = False, 0
    waiting: list[Any] = [variables]
    while waiting:
        nested = waiting.pop()
        count += len(nested)
        if count > limits.variable_values:
            beginning = f"The variables hold more than {limits.variable_values:,} values"
            raise _refusal("TOO_MANY_VALUES", beginning, limits.variable_values)
        if isinstance(nested, list):
            del nested[limits.list_items + 1 :]
        values = nested if isinstance(nested, list) else [*nested, *nested.values()]
        has_long_text |= any(type(value) is str and len(value) > LONGEST_SHOWN for value in values)
        waiting += [value for value in values if type(value) in _NESTED]
    return has_long_text


def abbreviated(value: Any, levels: int = MOST_LEVELS) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return a copy with the beginnings of long texts, in which the same is wrong, and not deeper than any input."""
    match value:
        case str():
            return value[:LONGEST_SHOWN]
        case dict():
            items = value.items() if levels else ()
            return {name[:LONGEST_SHOWN]: abbreviated(inner, levels - 1) for name, inner in items}
        case list():
            return [abbreviated(inner, levels - 1) for inner in value] if levels else []
    return value


def check_cost(requested: int, limits: Limits) -> None:
    """Refuse an operation whose answer may be too large.

    Raises GraphQLError: TOO_EXPENSIVE.
    """
    if requested > limits.cost:
        cost = {"requested": requested, "maximum": limits.cost}
        raise _refusal("TOO_EXPENSIVE", f"The answer may hold {requested:,} values", limits.cost, cost=cost)


def coded(error: GraphQLError, code: str) -> GraphQLError:
    """Return an error with its code; of what the client has sent, it repeats no more than is needed to find it."""
    forget_frames(error)
    message = error.message
    if len(message) > LONGEST_MESSAGE:
        message = message[:LONGEST_MESSAGE] + "…"
    nodes, positions = (error.nodes or ())[:MOST_LOCATIONS], None if error.nodes else error.positions
    return GraphQLError(message, nodes, error.source, positions, extensions={"code": code})


def forget_frames(error: BaseException) -> None:
    """Let go of the stack on which an error was raised, once nobody will log it.

    Its frames hold what the request has brought, and often the error: a cycle, which would stay until the garbage
    collector comes.
    """
    waiting: list[BaseException | None] = [error]
    forgotten: set[int] = set()
    while waiting:
        found = waiting.pop()
        if found is not None and id(found) not in forgotten:
            forgotten.add(id(found))
            found.__traceback__ = None
            waiting += [found.__cause__, found.__context__, getattr(found, "original_error", None)]


def _check(count: int, most: int, code: str, text: str) -> None:
    if count > most:
        raise _refusal(code, text.format(count), most)


def _refusal(code: str, beginning: str, most: int, **more: object) -> GraphQLError:
    return GraphQLError(f"{beginning}; at most {most:,} are allowed.", extensions={"code": code, **more})


class AnswerTooLarge(GraphQLError):
    """The answer would hold more values than one may; the rest of it is not made."""

    def __init__(self, most: int) -> None:
        message = f"The answer holds more than {most:,} values. Please ask for fewer fields, or for smaller pages."
        super().__init__(message, extensions={"code": "ANSWER_TOO_LARGE"})


class Budget:
    """What is left of one answer."""

    __slots__ = ("_left", "_most")

    def __init__(self, most: int) -> None:
        self._most = self._left = most

    def spend(self, count: int) -> None:
        """Count values that are going to be made.

        Raises AnswerTooLarge: they are too many, and so is whatever is asked for afterwards.
        """
        self._left -= count
        if self._left < 0:
            raise AnswerTooLarge(self._most)

    def spend_texts(self, texts: Sequence[Any]) -> None:
        """Count what long texts take more than other values; null takes nothing; raises AnswerTooLarge."""
        try:
            joined = "".join(texts)
        except TypeError:
            joined = "".join(filter(None, texts))
        self.spend(len(joined) // TEXT_CHARACTERS)


class AcyclicExecutor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's executor, which is gone as soon as nobody needs it.

    graphql-core's own holds helpers that hold it: a cycle, with which everything stays that a request has brought or
    read, until the garbage collector comes.
    """

    most_values: ClassVar[int] = MOST_VALUES
    _budget: Budget | None = None

    @property
    def async_helpers(self) -> GraphQLResolveInfoHelpers:
        """What resolvers are given to do asynchronous work with; made when it is needed."""
        return GraphQLResolveInfoHelpers(gather=self.gather_async_work, track=self.track_async_work)

    @async_helpers.setter
    def async_helpers(self, helpers: GraphQLResolveInfoHelpers) -> None:
        """Not kept."""

    def execute_fields(self, *arguments: Any, **more: Any) -> Any:  # noqa: ANN401 - as inherited
        """Count the fields of an object, and execute them."""
        if self._budget is None:
            self._budget = Budget(self.most_values)
        self._budget.spend(len(more.get("grouped_field_set", arguments[3:4] and arguments[3])))
        return super().execute_fields(*arguments, **more)
