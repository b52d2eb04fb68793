"""GraphQL over HTTP and WebSocket: who calls, and how answers are encoded."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from auth.errors import AccessDenied, InvalidCredentials
from schema.context import GraphQLServices, RequestContext
from schema.errors import graphql_error
from schema.schema import schema


class GraphQLView(GraphQL[RequestContext, None]):
    """The GraphQL endpoint.

    A request without a token may look around (schema, playground) and is told so when it asks for data; a request with
    a bad token is refused whole. A WebSocket brings its token in `connection_init` or in the header.
    """

    def __init__(self, services: GraphQLServices, origins: Sequence[str] = ()) -> None:
        super().__init__(
            schema,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            multipart_uploads_enabled=True,
            # CORS does not cover WebSockets: pages of other origins are let in here.
            allowed_origins=origins,
        )
        self._services = services

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002 - Strawberry's signature
    ) -> RequestContext:
        """Make the context; over HTTP the caller is admitted here."""
        context = RequestContext(
            services=self._services,
            base_url=str(request.base_url).replace("ws", "http", 1)
            if _is_websocket(request)
            else str(request.base_url),
            authorization=request.headers.get("authorization"),
        )
        if context.authorization is not None and not _is_websocket(request):
            context.caller = await self._services.admit(context.authorization)
        return context

    async def on_ws_connect(self, context: RequestContext) -> None:
        """Admit the caller of a WebSocket, or close it with 4403."""
        parameters = {name.lower(): value for name, value in (context.connection_params or {}).items()}
        authorization = parameters.get("authorization", context.authorization)
        try:
            context.caller = await self._services.admit(str(authorization) if authorization else None)
        except AccessDenied as denial:
            raise ConnectionRejectionError({"code": denial.code}) from denial

    async def run(self, request: Any, *_: Any, **__: Any) -> Any:  # noqa: ANN401 - as inherited
        """Answer a request whose token is refused with the status that REST gives it."""
        try:
            return await super().run(request)
        except AccessDenied as denial:
            return _refused(denial)
        except HTTPException as error:
            return JSONResponse({"errors": [{"message": error.reason}]}, error.status_code)
        finally:
            if isinstance(request, Request):
                # Strawberry leaves the files of a multipart request open.
                await request.close()

    def decode_json(self, data: str | bytes) -> object:
        """Decode with orjson, which refuses what is nested too deeply instead of running out of stack."""
        return orjson.loads(data)

    def parse_json(self, data: str | bytes) -> Any:  # noqa: ANN401 - as inherited
        """Decode what comes over HTTP; Strawberry looks into it without asking whether there is an inside."""
        parsed = super().parse_json(data)
        if not isinstance(parsed, dict | list):
            raise HTTPException(HTTPStatus.BAD_REQUEST, "A GraphQL request is a JSON object")
        return parsed

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        """Encode with orjson; WebSocket frames stay with the text encoder, since clients expect text."""
        response = Response(orjson.dumps(response_data), media_type="application/json")
        response.status_code = sub_response.status_code or response.status_code
        response.headers.raw.extend(sub_response.headers.raw)
        return response


def _is_websocket(request: Request | WebSocket) -> bool:
    return isinstance(request, WebSocket)


def _refused(denial: AccessDenied) -> Response:
    body = {"errors": [graphql_error(denial).formatted]}
    if isinstance(denial, InvalidCredentials):
        return JSONResponse(body, HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": "Bearer"})
    return JSONResponse(body, HTTPStatus.FORBIDDEN)
