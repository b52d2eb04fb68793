"""GraphQL over WebSocket (graphql-transport-ws): shared executions, heartbeats, and an end with the token's."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Any, cast

import orjson
from starlette.websockets import WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.types.execution import PreExecutionError

from graphql_server.fan_out import is_shareable
from graphql_server.http_answers import as_json
from resolvers.errors import TooManyStreams
from resolvers.streams import seconds_left
from schema.context import RequestContext
from schema.errors import graphql_error

HEARTBEAT_SECONDS = 15.0
LARGEST_SHARED_QUERY = 10_000
# The protocol's code for a connection that is no longer authorized; clients do not try again by themselves.
UNAUTHORIZED = 4401
ERROR = '"type":"error","payload":'


class TransportHandler(BaseGraphQLTransportWSHandler[RequestContext, None]):
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
        """Admit the caller, then keep the connection alive for as long as the token is valid."""
        await super().handle_connection_init(message)
        if not self.connection_acknowledged or self._timers:
            return
        left = seconds_left(self.context.admitted_caller)
        self._after("heartbeat", HEARTBEAT_SECONDS, self._beat)
        if left is not None:
            self._after("expiry", left, self._expire)

    async def run_operation(self, operation: Operation[RequestContext, None]) -> None:
        """Run an operation, together with others of its kind where it can be shared."""
        if not _is_shareable(operation):
            await super().run_operation(operation)
            return
        context = self.context.shared()
        key = (_key(operation), context.admitted_caller, context.base_url)
        try:
            # Each subscriber counts, though the execution is one.
            with self.context.services.streams.opened(context.admitted_caller):
                events = self.context.services.groups.subscribe(key, lambda: self._events(operation, context))
                async with aclosing(events):
                    await self._tell(operation, events)
        except TooManyStreams as refusal:
            await operation.send_initial_errors([graphql_error(refusal)])
        except (WebSocketDisconnect, WebSocketDisconnected):
            return

    async def _events(
        self, operation: Operation[RequestContext, None], context: RequestContext
    ) -> AsyncGenerator[str, None]:
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

    async def _tell(self, operation: Operation[RequestContext, None], events: AsyncIterator[str]) -> None:
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


def _is_shareable(operation: Operation[RequestContext, None]) -> bool:
    return len(operation.query) <= LARGEST_SHARED_QUERY and is_shareable(operation.query, operation.operation_name)


def _key(operation: Operation[RequestContext, None]) -> tuple[str, bytes, str | None]:
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
