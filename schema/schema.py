"""The GraphQL schema, put together."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import Any

import strawberry
from graphql import ExecutionResult, GraphQLError
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext
from strawberry.types.execution import PreExecutionError

from schema.documents import MOST_ERRORS, DocumentGate, Documents
from schema.errors import ErrorTable, is_unexpected
from schema.execution.executor import FastExecutor
from schema.limits import Limits, coded
from schema.mutations import Mutation
from schema.queries import Query
from schema.subscriptions import Subscription

DEFAULT_TIMEOUT_SECONDS = 15.0


def _serialize(moment: datetime) -> datetime:
    """Leave the text to whoever encodes the answer (`schema.http_answers.as_json`): orjson makes it in no time."""
    return moment.astimezone(UTC)


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
    """Executes what the document gate lets through, for a limited time, and logs what is our fault.

    The methods with an underscore are Strawberry's own: it has no others that serve HTTP and WebSockets alike.
    """

    def __init__(self, documents: Documents, timeout_seconds: float, *, fast: bool) -> None:
        super().__init__(
            query=Query,
            mutation=Mutation,
            subscription=Subscription,
            extensions=[partial(DocumentGate, documents), ErrorTable],
            execution_context_class=FastExecutor if fast else None,
            config=StrawberryConfig(scalar_map={datetime: DATE_TIME}),
        )
        self._timeout_seconds = timeout_seconds

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log faults with their traceback."""
        super().process_errors([error for error in errors if is_unexpected(error)], execution_context)

    async def _prepare_operation_async(
        self, context: ExecutionContext, extensions_runner: SchemaExtensionsRunner
    ) -> PreExecutionError | None:
        """Parse and validate; what an extension refuses is an answer, over a WebSocket too."""
        try:
            return await super()._prepare_operation_async(context, extensions_runner)
        except GraphQLError as refusal:
            context.pre_execution_errors = [refusal]
            return PreExecutionError(data=None, errors=[refusal])

    async def _execute_operation(self, execution_context: ExecutionContext, *rest: Any, **more: Any) -> Any:  # noqa: ANN401 - as inherited
        """Execute a query or a mutation; one that takes too long is cancelled, and its open transactions with it."""
        result: Any
        try:
            async with asyncio.timeout(self._timeout_seconds) as timer:
                result = await super()._execute_operation(execution_context, *rest, **more)
        except TimeoutError:
            if not timer.expired():
                raise
            result = ExecutionResult(None, [_timed_out(self._timeout_seconds)])
        execution_context.result = _not_begun(result) or result
        return execution_context.result

    def _get_custom_context_kwargs(self, *arguments: Any, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as inherited
        """Add how wrong variables are told: without a guess at what was meant, which takes long for a long text."""
        kwargs = super()._get_custom_context_kwargs(*arguments, **more)
        return kwargs | {"max_coercion_errors": MOST_ERRORS, "hide_suggestions": True}


def make_schema(
    *,
    introspection: bool = True,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    limits: Limits | None = None,
    fast: bool = True,
) -> LookreelSchema:
    """Return the schema with its policy; documents are remembered for each one apart.

    `fast` decides how it is executed, not what is answered: see `schema.execution`.
    """
    return LookreelSchema(Documents(limits or Limits(), introspection=introspection), timeout_seconds, fast=fast)


def _timed_out(seconds: float) -> GraphQLError:
    message = f"The operation took longer than {seconds:g} seconds and was given up."
    return GraphQLError(message, extensions={"code": "EXECUTION_TIMEOUT"})


def _not_begun(result: Any) -> PreExecutionError | None:  # noqa: ANN401 - of several types
    """Return the same as a refusal where the executor has refused the variables; a field's errors have a path."""
    errors = result.errors or ()
    if result.data is not None or not errors or any(error.path is not None or error.extensions for error in errors):
        return None
    return PreExecutionError(data=None, errors=[coded(error, "INVALID_VARIABLES") for error in errors])


schema = make_schema()
