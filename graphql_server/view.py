"""GraphQL over HTTP, Server-Sent Events and WebSocket: who calls, and how operations are answered."""

import logging
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from datetime import timedelta
from http import HTTPStatus
from typing import Any, cast

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult, SubscriptionExecutionResult
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UnsetType

from graphql_server import http_requests
from graphql_server.context import Context
from graphql_server.fan_out import Sharing
from graphql_server.http_answers import (
    ALLOWED,
    AT_ONCE,
    JSON,
    Accepted,
    EventStream,
    accepted_by,
    as_json,
    body_of,
    check_stream,
    encoded,
    has_begun,
    not_begun,
    refusal,
    refused_by,
    status_of,
)
from graphql_server.json_values import checked
from graphql_server.schema import Schema
from graphql_server.websocket import TransportHandler, WebSocketAdapter, credentials_of

# A client introduces itself as soon as it is connected; one that does not is closed with 4408.
INIT_TIMEOUT = timedelta(seconds=5)
READING = {OperationType.QUERY}
# A stream's results: of more kinds than Strawberry's types tell.
Results = AsyncGenerator[Any, None]

logger = logging.getLogger(__name__)


class GraphQLView(GraphQL[Context, None]):
    """The GraphQL endpoint.

    A request without credentials is executed, and its resolvers decide what it may see; one whose credentials are wrong
    is refused whole. A WebSocket brings its credentials in `connection_init` or in the header.

    Speaks GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/), GraphQL over Server-Sent Events in
    distinct connections mode (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md), and over WebSocket
    graphql-transport-ws (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md).
    """

    graphql_transport_ws_handler_class = TransportHandler
    websocket_adapter_class = WebSocketAdapter
    stream_transport_classes_by_protocol = {GRAPHQL_SSE_PROTOCOL: EventStream}  # noqa: RUF012 - as inherited

    def __init__(
        self,
        schema: Schema,
        make_context: Callable[[Request | WebSocket], Context],
        *,
        origins: Sequence[str] = (),
        page: Callable[[Request], Response],
        shared_subscriptions: Collection[str] = (),
    ) -> None:
        """Serve a schema.

        `page` makes what browsers are shown. `shared_subscriptions` are fields each event of which shows the whole
        state: over WebSocket, equal ones are executed once (`fan_out.py`).
        """
        super().__init__(
            schema,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL],
            multipart_uploads_enabled=True,
            connection_init_wait_timeout=INIT_TIMEOUT,
            # CORS does not cover WebSockets: pages of other origins are let in here.
            allowed_origins=origins,
        )
        self.error_formatter = schema.error_formatter
        self.sharing = Sharing()
        self.shared = {f"subscription {field}" for field in shared_subscriptions}
        self.documents = schema.policy.documents
        self._make_context = make_context
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection; HEAD is GET, of which the server sends the head alone."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await super().__call__(scope, receive, send)

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket | None = None,  # noqa: ARG002 - Strawberry's signature
    ) -> Context:
        """Make the context; over HTTP, credentials are checked here."""
        context = self._make_context(request)
        authorization = request.headers.get("authorization")
        if authorization is not None and not self.is_websocket_request(request):
            await context.authenticate(authorization)
        return context

    async def on_ws_connect(self, context: Context) -> UnsetType:
        """Check the credentials of a WebSocket; the handler closes it where they are refused."""
        await context.authenticate(credentials_of(context))
        return UnsetType()  # None would become a payload of the acknowledgement

    async def run(self, request: Any, *_: Any, **__: Any) -> Any:  # noqa: ANN401 - as inherited
        """Answer one request, or serve one WebSocket until it is closed."""
        if self.is_websocket_request(request):
            return await super().run(request)
        accepted = accepted_by(request.headers)
        try:
            response = await self._answered(request, accepted)
        except ClientDisconnect:
            # Nobody is there to read it.
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered as GraphQL has it
            response = self._refused(error, accepted)
        finally:
            # The files of a multipart request are left open otherwise.
            await request.close()
        # A page, JSON or events: a cache must not give one to who asked for another.
        response.headers.add_vary_header("Accept")
        return response

    def _refused(self, error: Exception, accepted: Accepted) -> Response:
        refused = refused_by(error, self.error_formatter.expected)
        if refused is not None:
            return refusal(refused, accepted)
        logger.error("A GraphQL request was not answered", exc_info=error)
        body = {"errors": [self.error_formatter.formatted(error).formatted]}
        return encoded(body, accepted.error, HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _answered(self, request: Request, accepted: Accepted) -> Response:
        """Answer without Strawberry's adapters between, which take longer than a small query."""
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=ALLOWED)
        # A browser was sent here by a person: programs name the media type of a result, or none.
        names_operation = "query" in request.query_params or "extensions" in request.query_params
        wants_page = request.method == "GET" and accepted.page and not names_operation
        http_requests.check_wishes(request.method, accepted, wants_page=wants_page)
        context = await self.get_context(request)
        if wants_page:
            return self._page(request)
        data = await self._data(request)
        sha256 = http_requests.persisted_hash(data)
        if data.query is None and sha256 is not None:
            # Before the schema sees the request: it knows documents by their text.
            data.query = self.documents.named(sha256)
        try:
            result = await self._at_once(data, context, READING if request.method == "GET" else AT_ONCE)
        except InvalidOperationTypeError as error:
            check_stream(error, accepted)
            stream = cast("StreamingResponse", await self._streamed(request, self._results(data, context, sha256)))
            # A subscription ends with the process: without `complete`, which says that there is no more to come.
            stream.body_iterator = context.until_shutdown(cast("AsyncGenerator[str, None]", stream.body_iterator))
            return stream
        self._remember(data, sha256, result)
        if accepted.prefers_events:
            return await self._streamed(request, _once(result))
        return encoded(body_of(result), accepted.error, status_of(result, accepted.error))

    async def _at_once(self, data: GraphQLRequestData, context: Context, types: set[OperationType]) -> ExecutionResult:
        if data.query is None:
            return not_begun("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
        return await self.schema.execute(
            data.query, data.variables, context, None, data.operation_name, types, data.extensions
        )

    async def _results(self, data: GraphQLRequestData, context: Context, sha256: str | None) -> Results:
        results = await self.schema.stream(
            data.query, data.variables, context, None, data.operation_name, data.extensions
        )
        async with aclosing(results):
            async for result in results:
                self._remember(data, sha256, result)
                yield result

    def _remember(self, data: GraphQLRequestData, sha256: str | None, result: Any) -> None:  # noqa: ANN401 - of several types
        """Let the document be found by its hash; only one that was found valid."""
        if sha256 is not None and data.query is not None and has_begun(result):
            self.documents.name(sha256, data.query)

    async def _streamed(self, request: Request, results: Results) -> Response:
        stream = cast("SubscriptionExecutionResult", results)
        return await self._create_streaming_response(request, stream, "sse", await self.get_sub_response(request))

    async def _data(self, request: Request) -> GraphQLRequestData:
        """Read the operation that a request asks for."""
        if request.method == "GET":
            return http_requests.request_data(http_requests.from_query(request.query_params))
        if http_requests.media_type_of(request.headers.get("content-type")) == JSON:
            asked = http_requests.from_body(await _body(request), request.scope.get("json_values"))
            return http_requests.request_data(asked)
        return http_requests.request_data(http_requests.from_form(await request.form(**http_requests.FORM_LIMITS)))

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:  # noqa: ARG002 - as inherited
        """Return the body of one of a stream's results."""
        return body_of(result)

    def decode_json(self, data: str | bytes) -> object:
        """Decode a message of a WebSocket; raises json.JSONDecodeError, and Refused: it holds too many values."""
        return checked(data)

    def encode_json(self, data: object) -> str:
        """Encode an event, or a frame of a WebSocket: text, which clients expect."""
        return as_json(data).decode()


async def _once(result: ExecutionResult) -> Results:
    yield result


async def _body(request: Request) -> bytes:
    """Return the body, put together as it comes: to join a large one in the end would keep others waiting."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
    return cast("bytes", body)
