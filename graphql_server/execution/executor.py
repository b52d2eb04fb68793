"""The default executor."""

from typing import Any, ClassVar

from graphql.type import GraphQLResolveInfoHelpers
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graphql_server.budget import MOST_VALUES, Budget


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
