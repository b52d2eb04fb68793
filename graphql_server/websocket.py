"""GraphQL over WebSocket (graphql-transport-ws): shared executions, heartbeats, and an end with the token's."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Coroutine
from contextlib import ExitStack, aclosing, suppress
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol, cast

from graphql import GraphQLError
from starlette.types import Scope
from starlette.websockets import WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import Message
from strawberry.types.execution import PreExecutionError

from graphql_server.context import Context
from graphql_server.documents import Documents
from graphql_server.errors import ErrorFormatter
from graphql_server.fan_out import ExecutionFailed, Sharing
from graphql_server.http_answers import AT_ONCE, Refused, as_json, body_of
from graphql_server.http_requests import request_data

HEARTBEAT_SECONDS = 15.0
LONGEST_REASON = 123
# The protocol's code for a connection that is no longer authorized; clients do not try again by themselves.
UNAUTHORIZED = 4401
FORBIDDEN = 4403
# The registered code (RFC 6455, section 11.7) after which clients do try again.
TRY_AGAIN_LATER = 1013
# An ASGI extension: the server is told by it that the client has introduced itself, and may send longer messages.
ON_INIT = "graphql_server.on_init"
ERROR = '"type":"error","payload":'
UNAUTHENTICATED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
NO_CREDENTIALS = 'Forbidden: connection_init has no token in {"payload": {"Authorization": "Bearer ..."}}'

logger = logging.getLogger(__name__)


class View(Protocol):
    """What the handler needs of the view besides what Strawberry gives it."""

    documents: Documents
    error_formatter: ErrorFormatter
    shared: Collection[str]
    sharing: Sharing


class WebSocketAdapter(ASGIWebSocketAdapter):
    """A connection that can be closed for any reason: some repeat what a client has sent."""

    async def close(self, code: int, reason: str) -> None:
        """Close it with as much of the reason as fits into a frame (RFC 6455, section 5.5)."""
        # Without the reason: some repeat what a client has sent.
        logger.info("A WebSocket is closed with %d", code)
        await super().close(code, reason.encode()[:LONGEST_REASON].decode(errors="ignore"))


class TransportHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """One connection."""

    _timers: dict[str, asyncio.TimerHandle]
    _tasks: set[asyncio.Future[None]]
    _watched: ExitStack

    async def handle(self) -> None:
        """Serve the connection until either side closes it."""
        self._timers, self._tasks, self._watched = {}, set(), ExitStack()
        try:
            await super().handle()
        except Refused as refused:
            await self.handle_invalid_message(refused.reason)
        finally:
            self._watched.close()
            for timer in self._timers.values():
                timer.cancel()

    async def handle_message(self, message: Any) -> None:  # noqa: ANN401 - whatever JSON holds
        """Take a message, or close the connection where it is none of the protocol's."""
        if isinstance(message, dict) and _is_id(message.get("id", "")):
            await super().handle_message(cast("Message", message))
        else:
            await self.handle_invalid_message("Failed to parse message")

    async def handle_subscribe(self, message: Any) -> None:  # noqa: ANN401 - as inherited
        """Begin an operation, or answer what is wrong with how it is asked for."""
        if self.connection_acknowledged:
            try:
                message |= {"payload": _asked(message["payload"])}
                self._check_room(message["id"])
            except Refused as refused:
                error = GraphQLError(refused.reason, extensions={"code": refused.code})
                await self.send_message({"id": message["id"], "type": "error", "payload": [error.formatted]})
                return
        await super().handle_subscribe(message)

    def _check_room(self, id_: str) -> None:
        most = self.max_subscriptions_per_connection
        if most is not None and len(self.operations) >= most and id_ not in self.operations:
            sentence = f"At most {most} operations can be open at once on a connection"
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, sentence, "TOO_MANY_STREAMS")

    async def handle_task_exception(self, error: Exception) -> None:
        """Log a fault; that a client has gone away meanwhile is none."""
        if not isinstance(error, WebSocketDisconnected):
            await super().handle_task_exception(error)

    async def handle_connection_init(self, message: Any) -> None:  # noqa: ANN401 - as inherited
        """Authenticate, then keep the connection alive for as long as the context lets it."""
        try:
            # The protocol lets a client without a payload say so by a null.
            await super().handle_connection_init(
                message | {"payload": {}} if message.get("payload") is None else message
            )
        except Exception as error:
            expected = cast("View", self.view).error_formatter.expected(error)
            if expected is not None and expected.status is HTTPStatus.SERVICE_UNAVAILABLE:
                await self.websocket.close(TRY_AGAIN_LATER, expected.code)
            elif expected is not None and expected.status in UNAUTHENTICATED:
                said = f"Forbidden: {expected.code}" if credentials_of(self.context) else NO_CREDENTIALS
                await self.websocket.close(FORBIDDEN, said)
            else:
                raise
            return
        if not self.connection_acknowledged or self._timers:
            return
        _told_initialised(cast("ASGIWebSocketAdapter", self.websocket).ws.scope)
        left = self.context.seconds_left()
        self._after("heartbeat", HEARTBEAT_SECONDS, self._beat)
        if left is not None:
            self._after("expiry", left, partial(self._close, UNAUTHORIZED, "Token expired"))
        locked_out, demoted = self._ended(FORBIDDEN, "Forbidden"), self._ended(TRY_AGAIN_LATER, "Other rights")
        self._watched.enter_context(self.context.ended_by(locked_out, demoted))

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Run an operation, together with others of its kind where it can be shared."""
        view = cast("View", self.view)
        if not self._is_shared(operation) and await self._answered(operation):
            return
        # By now, the document is known.
        if not self._is_shared(operation):
            await super().run_operation(operation)
            return
        context = self.context.shared()
        key = (_key(operation), context.sharing_key)
        try:
            # Each subscriber counts, though the execution is one.
            with self.context.subscribed():
                events = view.sharing.subscribe(key, lambda: self._events(operation, context))
                async with aclosing(events):
                    await self._tell(operation, events)
        except ExecutionFailed as failed:
            # Not as an end: the client would take what it follows for done.
            await operation.send_initial_errors([view.error_formatter.formatted(failed)])
        except (WebSocketDisconnect, WebSocketDisconnected):
            return
        except Exception as error:
            if view.error_formatter.expected(error) is None:
                raise
            await operation.send_initial_errors([view.error_formatter.formatted(error)])

    def _is_shared(self, operation: Operation[Context, None]) -> bool:
        view = cast("View", self.view)
        return view.documents.label(operation.query, operation.operation_name) in view.shared

    async def _answered(self, operation: Operation[Context, None]) -> bool:
        """Answer a query or a mutation as over HTTP: the connection's context would show what an earlier one loaded."""
        try:
            result = await self.schema.execute(
                operation.query, operation.variables, self.context.anew(), None, operation.operation_name, AT_ONCE
            )
        except InvalidOperationTypeError:
            return False
        with suppress(WebSocketDisconnect, WebSocketDisconnected):
            if isinstance(result, PreExecutionError):
                await operation.send_initial_errors(result.errors or [])
            else:
                await operation.send_next(result)
                await operation.send_operation_message({"id": operation.id, "type": "complete"})
        return True

    async def _events(self, operation: Operation[Context, None], context: Context) -> AsyncGenerator[str, None]:
        """Execute, and encode each result as the part of a message behind its id."""
        results = await self.schema.stream(
            operation.query,
            variable_values=operation.variables,
            context_value=context,
            operation_name=operation.operation_name,
        )
        async with aclosing(results):
            async for result in results:
                yield _encoded(result)

    async def _tell(self, operation: Operation[Context, None], events: AsyncIterator[str]) -> None:
        head = f'{{"id":{json.dumps(operation.id)},'
        send = cast("ASGIWebSocketAdapter", self.websocket).ws.send_text
        async for event in events:
            await send(head + event)
            if event.startswith(ERROR):
                operation.completed = True
                self.forget_id(operation.id)
                return
        await operation.send_operation_message({"id": operation.id, "type": "complete"})

    def _after(self, name: str, seconds: float, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        def begin() -> None:
            task = asyncio.ensure_future(act())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._timers[name] = asyncio.get_running_loop().call_later(seconds, begin)

    async def _beat(self) -> None:
        """Send the protocol's ping, which proxies take for life and clients answer."""
        with suppress(WebSocketDisconnect, WebSocketDisconnected, RuntimeError):
            await self.send_message({"type": "ping"})
            self._after("heartbeat", HEARTBEAT_SECONDS, self._beat)

    def _ended(self, code: int, reason: str) -> Callable[[], None]:
        return lambda: self._after("ended", 0, partial(self._close, code, reason))

    async def _close(self, code: int, reason: str) -> None:
        with suppress(WebSocketDisconnect, WebSocketDisconnected, RuntimeError):
            await self.websocket.close(code, reason)


def _told_initialised(scope: Scope) -> None:
    on_init = scope.get("extensions", {}).get(ON_INIT)
    if on_init is not None:
        on_init()


def credentials_of(context: Context) -> str | None:
    """Return what `connection_init` has brought as `Authorization`, in letters of any case, else the header."""
    parameters = {name.lower(): value for name, value in (context.connection_params or {}).items()}
    authorization = parameters.get("authorization", context.authorization)
    return str(authorization) if authorization else None


def _is_id(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _asked(payload: object) -> dict[str, object]:
    data = request_data(payload)
    if data.query is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED")
    return {"query": data.query, "variables": data.variables, "operationName": data.operation_name}


def _key(operation: Operation[Context, None]) -> tuple[str, str, str | None]:
    # Not by orjson, which writes no numbers of more than 64 bits.
    variables = json.dumps(operation.variables, sort_keys=True)
    return operation.query, variables, operation.operation_name


def _encoded(result: Any) -> str:  # noqa: ANN401 - a union of Strawberry's
    if isinstance(result, PreExecutionError):
        return f"{ERROR}{_json([error.formatted for error in result.errors or []])}}}"
    return f'"type":"next","payload":{_json(body_of(result))}}}'


def _json(value: object) -> str:
    return as_json(value).decode()
