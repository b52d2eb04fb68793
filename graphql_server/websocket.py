"""GraphQL over WebSocket (graphql-transport-ws): shared executions, heartbeats, and an end with the token's."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Any, Protocol, cast

import orjson
from starlette.websockets import WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.types.execution import PreExecutionError

from graphql_server.context import Context
from graphql_server.errors import ErrorFormatter
from graphql_server.fan_out import Sharing, is_shareable
from graphql_server.http_answers import as_json

HEARTBEAT_SECONDS = 15.0
LARGEST_SHARED_QUERY = 10_000
# The protocol's code for a connection that is no longer authorized; clients do not try again by themselves.
UNAUTHORIZED = 4401
ERROR = '"type":"error","payload":'


class View(Protocol):
    """What the handler needs of the view besides what Strawberry gives it."""

    sharing: Sharing
    error_formatter: ErrorFormatter


class TransportHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """One connection."""

    _timers: dict[str, asyncio.TimerHandle]
    _tasks: set[asyncio.Future[None]]

    async def handle(self) -> None:
        """Serve the connection until either side closes it."""
        self._timers, self._tasks = {}, set()
        try:
            await super().handle()
        finally:
            for timer in self._timers.values():
                timer.cancel()

    async def handle_connection_init(self, message: Any) -> None:  # noqa: ANN401 - as inherited
        """Authenticate, then keep the connection alive for as long as the context lets it."""
        await super().handle_connection_init(message)
        if not self.connection_acknowledged or self._timers:
            return
        left = self.context.seconds_left()
        self._after("heartbeat", HEARTBEAT_SECONDS, self._beat)
        if left is not None:
            self._after("expiry", left, self._expire)

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Run an operation, together with others of its kind where it can be shared."""
        view = cast("View", self.view)
        if not _is_shareable(operation, view.sharing):
            await super().run_operation(operation)
            return
        context = self.context.shared()
        key = (_key(operation), context.sharing_key)
        try:
            # Each subscriber counts, though the execution is one.
            with self.context.subscribed():
                events = view.sharing.groups.subscribe(key, lambda: self._events(operation, context))
                async with aclosing(events):
                    await self._tell(operation, events)
        except (WebSocketDisconnect, WebSocketDisconnected):
            return
        except Exception as error:
            if view.error_formatter.expected(error) is None:
                raise
            await operation.send_initial_errors([view.error_formatter.formatted(error)])

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

    async def _expire(self) -> None:
        with suppress(WebSocketDisconnect, WebSocketDisconnected, RuntimeError):
            await self.websocket.close(UNAUTHORIZED, "Token expired")


def _is_shareable(operation: Operation[Context, None], sharing: Sharing) -> bool:
    query = operation.query
    return len(query) <= LARGEST_SHARED_QUERY and is_shareable(query, operation.operation_name, sharing.fields)


def _key(operation: Operation[Context, None]) -> tuple[str, bytes, str | None]:
    variables = orjson.dumps(operation.variables, option=orjson.OPT_SORT_KEYS)
    return operation.query, variables, operation.operation_name


def _encoded(result: Any) -> str:  # noqa: ANN401 - a union of Strawberry's
    if isinstance(result, PreExecutionError):
        return f"{ERROR}{_json([error.formatted for error in result.errors or []])}}}"
    payload: dict[str, object] = {"data": result.data}
    if result.errors:
        payload["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        payload["extensions"] = result.extensions
    return f'"type":"next","payload":{_json(payload)}}}'


def _json(value: object) -> str:
    return as_json(value).decode()
