"""From error to a GraphQL error: what a query or a subscription says, and every operation that cannot be answered."""

from http import HTTPStatus

from auth.errors import AccessDenied, IdentityProviderUnavailable, InvalidCredentials
from db.engine.errors import DatabaseUnavailable
from graphql_server.errors import ExpectedError
from resolvers import errors
from resolvers.errors import Refusal


def expected_error(error: BaseException) -> ExpectedError | None:
    """Return what a client reads of an error, with the status that REST gives it; None for a fault of ours."""
    match error:
        case DatabaseUnavailable() | IdentityProviderUnavailable():
            headers = {"Retry-After": str(error.retry_seconds)}
            return ExpectedError(error.message, error.code, HTTPStatus.SERVICE_UNAVAILABLE, headers)
        case InvalidCredentials():
            return ExpectedError(error.message, error.code, HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": "Bearer"})
        case AccessDenied():
            return ExpectedError(error.message, error.code, HTTPStatus.FORBIDDEN)
        case errors.TooManyRequests():
            headers = {"Retry-After": str(error.retry_after_seconds)}
            return ExpectedError(error.message, error.code, HTTPStatus.TOO_MANY_REQUESTS, headers)
        case Refusal():
            return ExpectedError(error.message, error.code)
    return None
