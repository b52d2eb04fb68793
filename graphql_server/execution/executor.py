"""The default executor."""

from graphql.type import GraphQLResolveInfoHelpers
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext


class AcyclicExecutor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's executor, which is gone as soon as nobody needs it.

    graphql-core's own holds helpers that hold it: a cycle, with which everything stays that a request has brought or
    read, until the garbage collector comes.
    """

    @property
    def async_helpers(self) -> GraphQLResolveInfoHelpers:
        """What resolvers are given to do asynchronous work with; made when it is needed."""
        return GraphQLResolveInfoHelpers(gather=self.gather_async_work, track=self.track_async_work)

    @async_helpers.setter
    def async_helpers(self, helpers: GraphQLResolveInfoHelpers) -> None:
        """Not kept."""
