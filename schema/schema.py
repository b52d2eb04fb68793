"""The GraphQL schema, put together."""

from datetime import UTC, datetime

import strawberry
from graphql import GraphQLError
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from schema.errors import ErrorTable, is_unexpected
from schema.mutations import Mutation
from schema.queries import Query
from schema.subscriptions import Subscription

CACHED_DOCUMENTS = 500


def _serialize(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _parse(value: object) -> datetime:
    if not isinstance(value, str):
        raise TypeError("A DateTime is a string in ISO 8601")
    return datetime.fromisoformat(value)


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="A moment in UTC, in ISO 8601 with a `Z`, as over REST.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
    serialize=_serialize,
    parse_value=_parse,
)


class LookreelSchema(strawberry.Schema):
    """Logs what is our fault; what is the client's, the client is told."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log faults with their traceback."""
        super().process_errors([error for error in errors if is_unexpected(error)], execution_context)


schema = LookreelSchema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    extensions=[
        lambda: ParserCache(maxsize=CACHED_DOCUMENTS),
        lambda: ValidationCache(maxsize=CACHED_DOCUMENTS),
        ErrorTable,
    ],
    config=StrawberryConfig(scalar_map={datetime: DATE_TIME}),
)
