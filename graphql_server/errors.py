"""How errors are reported: those that the application expects by its table, all others as faults of the server."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple

from graphql import GraphQLError
from strawberry.extensions import MaskErrors

from graphql_server.limits import forget_frames


class ExpectedError(NamedTuple):
    """What a client reads of an error that the application expects; `status`, `headers`: where no operation runs."""

    message: str
    code: str
    status: HTTPStatus = HTTPStatus.BAD_REQUEST
    headers: Mapping[str, str] = MappingProxyType({})


# The application's table. Returns None for what it does not expect, which is a fault.
ErrorTable = Callable[[BaseException], ExpectedError | None]


class ErrorFormatter(MaskErrors):
    """Formats what was raised for the response: expected errors with their code, faults without any detail.

    A fault's `requestId` is for whoever looks for its traceback in the log.
    """

    def __init__(self, table: ErrorTable, request_id: Callable[[], str | None]) -> None:
        super().__init__(lambda error: error.original_error is not None)
        self.expected = table
        self._request_id = request_id

    def format_errors(self, errors: Sequence[GraphQLError]) -> list[GraphQLError]:
        """Format all errors of a result."""
        return self._process_errors(list(errors))

    def _process_errors(self, errors: list[GraphQLError]) -> list[GraphQLError]:
        """Format errors that have been logged where they are to be: the executor holds them, and their frames it."""
        formatted = super()._process_errors(errors)
        for error in errors:
            forget_frames(error)
        return formatted

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        """Format one error of a result."""
        original = error.original_error
        return error if original is None or isinstance(original, GraphQLError) else self.formatted(original, error)

    def formatted(self, error: BaseException, at: GraphQLError | None = None) -> GraphQLError:
        """Return what a client reads of an exception, with the place of `at` in the document and the response."""
        expected = self.expected(error)
        if expected is None:
            message, extensions = "Internal server error", {"code": "INTERNAL_ERROR", "requestId": self._request_id()}
        else:
            message, extensions = expected.message, {"code": expected.code}
        nodes, path = (None, None) if at is None else (at.nodes, at.path)
        return GraphQLError(message, nodes=nodes, path=path, extensions=extensions)

    def is_fault(self, error: GraphQLError) -> bool:
        """Whether an error is a fault of the server, whose text must stay in the log."""
        original = error.original_error
        return not (original is None or isinstance(original, GraphQLError) or self.expected(original))
