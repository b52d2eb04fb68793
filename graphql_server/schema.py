"""A Strawberry schema with limits, errors by a table, a time limit, and execution a field at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import strawberry
from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    MiddlewareManager,
)
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types import ExecutionContext
from strawberry.types import ExecutionResult as StrawberryResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from graphql_server.context import REFUSED, Context, Observer
from graphql_server.documents import MOST_ERRORS, DocumentGate, Documents
from graphql_server.errors import ErrorFormatter, ErrorTable
from graphql_server.execution.batch import Batching
from graphql_server.http_answers import no_such_operation
from graphql_server.limits import MOST_VALUES, AcyclicExecutor, AnswerTooLarge, coded

DEFAULT_TIMEOUT_SECONDS = 15.0
DEFAULT_ALLOWED_OPERATION_TYPES = frozenset(OperationType)


@dataclass(frozen=True)
class Policy:
    """How a schema is served: what of a document is accepted, how errors are reported, how long an operation may take.

    `batching` decides how queries are executed, not what is answered (`execution/`); None switches it off.
    """

    documents: Documents
    errors: ErrorTable
    request_id: Callable[[], str | None]
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    batching: Batching | None = field(default_factory=Batching)
    most_values: int = MOST_VALUES
    observer: Observer = field(default_factory=Observer)


class Schema(strawberry.Schema):
    """Executes what the document gate lets through, for a limited time, and logs what is a fault of the server.

    The methods with an underscore are Strawberry's own: it has no others that serve HTTP and WebSockets alike.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - as inherited
        self,
        query: type,
        mutation: type | None,
        subscription: type | None,
        policy: Policy,
        config: StrawberryConfig,
        types: Iterable[type] = (),
    ) -> None:
        super().__init__(
            query=query,
            mutation=mutation,
            subscription=subscription,
            types=types,
            extensions=[
                partial(DocumentGate, policy.documents),
                partial(ErrorFormatter, policy.errors, policy.request_id),
            ],
            execution_context_class=type("LimitedExecutor", (AcyclicExecutor,), {"most_values": policy.most_values}),
            config=config,
        )
        _leave_objects_unasked(self._schema)
        self.policy = policy
        self.error_formatter = ErrorFormatter(policy.errors, policy.request_id)
        # With these extensions and no others, what they do is done directly.
        self._own_extensions = self.extensions

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log faults with their traceback."""
        # Without its nodes: as a text, it would have lines of the document, with whatever the client has put there.
        faults = [
            GraphQLError(error.message, path=error.path, original_error=error.original_error)
            for error in errors
            if self.error_formatter.is_fault(error)
        ]
        super().process_errors(faults, execution_context)

    async def execute(  # noqa: PLR0913, PLR0917 - as inherited
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,  # noqa: ANN401 - as inherited
        root_value: Any | None = None,  # noqa: ANN401 - as inherited
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> StrawberryResult:
        """Execute a query or a mutation without Strawberry's extension runner, which takes as long as a small query."""
        if self.extensions is not self._own_extensions or not query:
            return await super().execute(
                query, variable_values, context_value, root_value, operation_name, allowed_operation_types,
                operation_extensions,
            )  # fmt: skip
        context = self._create_execution_context(
            query=query,
            allowed_operation_types=allowed_operation_types or DEFAULT_ALLOWED_OPERATION_TYPES,
            variable_values=variable_values,
            context_value=context_value,
            root_value=root_value,
            operation_name=operation_name,
            operation_extensions=operation_extensions,
        )
        gate = DocumentGate(self.policy.documents)
        gate.execution_context = context
        began = time.perf_counter()
        with self.policy.observer.executing():
            result = await self._executed(gate, context)
            label = REFUSED if gate.operation is None else gate.operation.label
            self.policy.observer.operation(label, time.perf_counter() - began, has_errors=bool(result.errors))
        if result.errors:
            result.errors = self.error_formatter.format_errors(result.errors)
        result.extensions = gate.get_results()
        return result

    async def _executed(self, gate: DocumentGate, context: ExecutionContext) -> StrawberryResult:
        try:
            await self._take(gate, context)
            try:
                operation_type = context.operation_type
            except RuntimeError:
                return no_such_operation()
            if operation_type not in context.allowed_operations:
                raise InvalidOperationTypeError(operation_type)  # noqa: TRY301 - as Strawberry does
            gate.check()
            if context.pre_execution_errors:
                return PreExecutionError(None, context.pre_execution_errors)
            result = await self._in_time(context, self._answered(gate, context))
        except InvalidOperationTypeError:
            raise
        except GraphQLError as refusal:
            return PreExecutionError(None, [refusal])
        except Exception as fault:  # noqa: BLE001 - as Strawberry: whatever goes wrong is an answer
            errors = [GraphQLError(str(fault), original_error=fault)]
            self.process_errors(errors, context)
            return PreExecutionError(None, errors)
        if isinstance(result, PreExecutionError):
            return result
        return StrawberryResult(result.data, result.errors)

    async def _take(self, gate: DocumentGate, context: ExecutionContext) -> None:
        """Take a document; a new one, which may be long to read, in turn, and others go on before it is read."""
        if self.policy.documents.knows(context.query):
            gate.take()
            return
        async with _turn(context, "reading"):
            await asyncio.sleep(0)
            gate.take()

    async def _answered(self, gate: DocumentGate, context: ExecutionContext) -> Any:  # noqa: ANN401 - as Strawberry's
        if gate.query is None:
            return await self._left_to_executor(context, {})
        resolved: Mapping[str, Any] = {}
        async with _turn(context, "executing"):
            if self.policy.batching is not None and context.root_value is None:
                data, resolved = await gate.query.execute(context, self.policy.batching, self.policy.most_values)
                if data is not None:
                    return ExecutionResult(data, None)
            # The executor may wait for nothing, and take long, as in introspection.
            await asyncio.sleep(0)
            return await self._left_to_executor(context, resolved)

    async def _left_to_executor(self, context: ExecutionContext, resolved: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as Strawberry's
        middleware = MiddlewareManager(_resolved_first(resolved)) if resolved else MiddlewareManager()
        return await super()._execute_operation(
            context, SchemaExtensionsRunner(context), middleware, self._get_execute_function(),
            self._get_custom_context_kwargs(context.operation_extensions),
        )  # fmt: skip

    async def _prepare_operation_async(
        self, context: ExecutionContext, extensions_runner: SchemaExtensionsRunner
    ) -> PreExecutionError | None:
        """Parse and validate; what an extension refuses is an answer, over a WebSocket too."""
        try:
            return await super()._prepare_operation_async(context, extensions_runner)
        except CannotGetOperationTypeError:
            result = no_such_operation()
        except GraphQLError as refusal:
            result = PreExecutionError(data=None, errors=[refusal])
        context.pre_execution_errors = result.errors
        return result

    async def _execute_operation(self, execution_context: ExecutionContext, *rest: Any, **more: Any) -> Any:  # noqa: ANN401 - as inherited
        return await self._in_time(execution_context, super()._execute_operation(execution_context, *rest, **more))

    async def _in_time(self, context: ExecutionContext, execution: Awaitable[Any]) -> Any:  # noqa: ANN401 - as inherited
        """Execute a query or a mutation; one that takes too long is cancelled, and its open transactions with it."""
        try:
            async with asyncio.timeout(self.policy.timeout_seconds) as timer:
                result = await execution
        except TimeoutError:
            if not timer.expired():
                raise
            result = ExecutionResult(None, [_timed_out(self.policy.timeout_seconds)])
        if any(isinstance(error.original_error, AnswerTooLarge) for error in result.errors or ()):
            # Half an answer, with an error for each object that is missing, helps nobody.
            result = ExecutionResult(None, [AnswerTooLarge(self.policy.most_values)])
        context.result = _not_begun(result) or result
        return context.result

    def _get_custom_context_kwargs(self, *arguments: Any, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as inherited
        """Add how wrong variables are reported: without a guess at what was meant, which takes long for a long text."""
        kwargs = super()._get_custom_context_kwargs(*arguments, **more)
        return kwargs | {"max_coercion_errors": MOST_ERRORS, "hide_suggestions": True}


def _resolved_first(resolved: Mapping[str, Any]) -> Callable[..., Any]:
    """Return a middleware of graphql-core that resolves no root field again."""

    def resolve(resolver: Callable[..., Any], source: object, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:  # noqa: ANN401 - the field's
        is_there = info.path.prev is None and info.path.key in resolved
        return resolved[str(info.path.key)] if is_there else resolver(source, info, **arguments)

    return resolve


def _turn(context: ExecutionContext, at: str) -> AbstractAsyncContextManager[None]:
    caller = cast("Context | None", context.context)
    return nullcontext() if caller is None else caller.turn(at)


def _timed_out(seconds: float) -> GraphQLError:
    message = f"The operation took longer than {seconds:g} seconds and was given up."
    return GraphQLError(message, extensions={"code": "EXECUTION_TIMEOUT"})


def _not_begun(result: Any) -> PreExecutionError | None:  # noqa: ANN401 - of several types
    """Return the same as a refusal where the executor has refused the variables; a field's errors have a path."""
    errors = result.errors or ()
    if result.data is not None or not errors or any(error.path is not None or error.extensions for error in errors):
        return None
    return PreExecutionError(data=None, errors=[coded(error, "INVALID_VARIABLES") for error in errors])


def _leave_objects_unasked(schema: GraphQLSchema) -> None:
    """Let no object be asked of what type it is, where all interfaces of its type tell that by `resolve_type`.

    Strawberry asks whether it is an instance of the class, which rows are not, and batch execution could not ask.
    """
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and type_.interfaces:
            interfaces = [found.extensions[GraphQLCoreConverter.DEFINITION_BACKREF] for found in type_.interfaces]
            if all(interface.resolve_type for interface in interfaces):
                type_.is_type_of = None
