"""The GraphQL schema, put together."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus

import strawberry
from asgi_correlation_id import correlation_id
from strawberry.schema.config import StrawberryConfig

from auth.errors import AccessDenied, IdentityProviderUnavailable, InvalidCredentials
from db.engine.errors import DatabaseUnavailable
from db.engine.statements import Row
from graphql_server.context import Observer
from graphql_server.cost import Sizes
from graphql_server.documents import Documents
from graphql_server.errors import ExpectedError
from graphql_server.execution.batch import Batching
from graphql_server.fields import parse_date_time, utc_date_time
from graphql_server.limits import MOST_VALUES, Limits
from graphql_server.schema import DEFAULT_TIMEOUT_SECONDS, Policy, Schema
from resolvers.bulk import MOST_AT_ONCE
from resolvers.errors import Refusal, TooManyRequests
from schema import queries
from schema.admin_mutations import AdminMutations
from schema.connections import DEFAULT_FIRST, LARGEST_FIRST, MOST_NODES
from schema.errors import IN_PAYLOADS
from schema.look_mutations import LookMutations
from schema.subscriptions import Subscription
from schema.tokens import TokenMutations
from schema.video_job_mutations import VideoJobMutations

# How long the lists are that are no connections, for the cost of a document (decision 15).
SIZES = Sizes(
    {
        "Look.products": 5,
        "Look.videos": 5,
        "Look.sharedWith": 5,
        "VideoJob.logs": 10,
        "VideoJob.associatedLooks": 2,
        "Query.videoModels": 5,
        "Query.nodes": MOST_NODES,
        "VideoModel.resolutions": 2,
        "AdminQueue.workers": 20,
        "AdminVideoJobsPayload.results": MOST_AT_ONCE,
    },
    DEFAULT_FIRST,
    LARGEST_FIRST,
)


@strawberry.type(description="What can be done.")
class Mutation(VideoJobMutations, LookMutations, TokenMutations, AdminMutations):
    """The root of all writes."""


for root in (queries.Query, Mutation, Subscription):
    for field in root.__strawberry_definition__.fields:  # type: ignore[union-attr] # what Strawberry has put there
        field.description = " ".join(field.base_resolver.wrapped_func.__doc__.split())

DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="A moment in UTC, in ISO 8601 with a `Z`, as over REST.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
    serialize=utc_date_time,
    parse_value=parse_date_time,
)


def _row_types(class_: type) -> Mapping[str, object]:
    return class_.types() if issubclass(class_, Row) else {}


def _expected_error(error: BaseException) -> ExpectedError | None:
    """Return what a client reads of an error, with the status that REST gives it; None for a fault of ours."""
    match error:
        case DatabaseUnavailable() | IdentityProviderUnavailable():
            headers = {"Retry-After": str(error.retry_seconds)}
            return ExpectedError(error.message, error.code, HTTPStatus.SERVICE_UNAVAILABLE, headers)
        case InvalidCredentials():
            return ExpectedError(error.message, error.code, HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": "Bearer"})
        case AccessDenied():
            return ExpectedError(error.message, error.code, HTTPStatus.FORBIDDEN)
        case TooManyRequests():
            headers = {"Retry-After": str(error.retry_after_seconds)}
            return ExpectedError(error.message, error.code, HTTPStatus.TOO_MANY_REQUESTS, headers)
        case Refusal():
            return ExpectedError(error.message, error.code)
    return None


def make_schema(  # noqa: PLR0913 - what an operator may set
    *,
    introspection: bool = True,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    limits: Limits | None = None,
    fast: bool = True,
    most_values: int = MOST_VALUES,
    observer: Observer | None = None,
) -> Schema:
    """Return the schema with its policy; documents are remembered for each one apart."""
    observing = observer or Observer()
    documents = Documents(limits or Limits(), SIZES, introspection=introspection)
    return Schema(
        queries.Query,
        Mutation,
        Subscription,
        Policy(
            documents,
            _expected_error,
            correlation_id.get,
            timeout_seconds,
            Batching(_row_types, on_fallback=observing.fallback) if fast else None,
            most_values,
            observing,
        ),
        StrawberryConfig(scalar_map={datetime: DATE_TIME}),
        types=IN_PAYLOADS,
    )


schema = make_schema()
