"""The default executor, and how many values an answer may hold: a document alone does not say how long lists are."""

from collections.abc import Sequence
from typing import Any, ClassVar

from graphql import GraphQLError
from graphql.type import GraphQLResolveInfoHelpers
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

MOST_VALUES = 200_000
# So many characters of text count as one more value; most texts are shorter.
TEXT_CHARACTERS = 200


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


def executor_for(most_values: int) -> type[AcyclicExecutor]:
    """Return the executor of answers of so many values."""
    return type("LimitedExecutor", (AcyclicExecutor,), {"most_values": most_values})
