"""How an operation that came over HTTP is executed: at once, or as a stream of results; documents are named by hashes.

The protocol is Apollo's "automatic persisted queries": `extensions.persistedQuery` is `{version: 1, sha256Hash}`. A
client sends the hash alone, first; where it is unknown, the answer is the error PERSISTED_QUERY_NOT_FOUND, and the
client sends the hash with the document. With `application/json` that answer's status is 200, as Apollo's server has it:
its older clients read no other status. With `application/graphql-response+json` it is 400, like that of every request
that was not executed; who understands that media type reads the errors whatever the status is.

Each process remembers for itself. A client that meets another one sends its document once more.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

import strawberry
from strawberry.http import GraphQLRequestData
from strawberry.http.streaming import SSETransport
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from graphql_server.context import Context
from graphql_server.http_answers import AT_ONCE, Refused, has_begun, no_such_operation, not_begun

COUNT = 1_000
# Anybody may have a document remembered, so its size is bounded, and that of all of them.
EACH_BYTES = 100_000
ALL_BYTES = 16_000_000

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class PersistedDocuments:
    """The documents that were used last, by their hash."""

    def __init__(self, count: int = COUNT, each_bytes: int = EACH_BYTES, all_bytes: int = ALL_BYTES) -> None:
        self._count = count
        self._each_bytes = each_bytes
        self._all_bytes = all_bytes
        self._documents: OrderedDict[str, str] = OrderedDict()
        self._bytes = 0

    def find(self, data: GraphQLRequestData) -> str | None:
        """Return the document that a request is about, whether it brings it or names it; None for an unknown one.

        Raises Refused: 400 where the hash is none, or is not the document's.
        """
        key = _key(data)
        if key is None:
            return data.query
        if data.query is None:
            return self._named(key)
        if hashlib.sha256(data.query.encode()).hexdigest() != key:
            raise Refused(
                HTTPStatus.BAD_REQUEST,
                "`sha256Hash` is not the SHA-256 of `query`",
                "PERSISTED_QUERY_HASH_MISMATCH",
            )
        return data.query

    def remember(self, data: GraphQLRequestData) -> None:
        """Remember the document of a request that names it by its hash; only for one that was found valid."""
        key = _key(data)
        if key is None or data.query is None or key in self._documents:
            return
        size = _size(data.query)
        if size > self._each_bytes:
            return
        self._documents[key] = data.query
        self._bytes += size
        while len(self._documents) > self._count or self._bytes > self._all_bytes:
            _, forgotten = self._documents.popitem(last=False)
            self._bytes -= _size(forgotten)

    def _named(self, key: str) -> str | None:
        if key in self._documents:
            self._documents.move_to_end(key)
        return self._documents.get(key)


def _key(data: GraphQLRequestData) -> str | None:
    """Return the hash that a request names its document by."""
    persisted: Any = (data.extensions or {}).get("persistedQuery")
    if persisted is None:
        return None
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise Refused(
            HTTPStatus.BAD_REQUEST,
            # Clients know this message and the code, and go on without hashes.
            "PersistedQueryNotSupported",
            "PERSISTED_QUERY_NOT_SUPPORTED",
        )
    key = persisted.get("sha256Hash")
    if not (isinstance(key, str) and _SHA256.fullmatch(key)):
        raise Refused(HTTPStatus.BAD_REQUEST, "`sha256Hash` must be a SHA-256 in hexadecimal")
    return key.lower()


def _size(document: str) -> int:
    return len(document.encode())


# Shorter than the quarter of a minute after which some proxies take a silent connection for a dead one.
HEARTBEAT_SECONDS = 12.0
READING = {OperationType.QUERY}

# A stream's results: of more kinds than Strawberry's types tell.
Results = AsyncGenerator[Any, None]


class EventStream(SSETransport):
    """Server-Sent Events, with a comment now and then, so that nobody takes the connection for a dead one."""

    def __init__(self) -> None:
        super().__init__(HEARTBEAT_SECONDS)

    def encode_event(self, event: str, data: str | None = None) -> str:
        """Encode an event with the short line ends, of the three that there are: urql knows no others."""
        return super().encode_event(event, data).replace("\r\n", "\n")

    def encode_comment(self, comment: str) -> str:
        """Encode a comment as a line of the block to come: some clients take a block of its own for an event."""
        return f": {comment}\n"


class HttpOperations:
    """Executes operations, and remembers those documents of theirs that are named by a hash."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._schema = schema
        self._documents = PersistedDocuments()

    async def execute(
        self, data: GraphQLRequestData, context: Context, *, is_get: bool, may_stream: bool
    ) -> ExecutionResult | Results:
        """Return a query's or a mutation's result, or a subscription's stream of results.

        Raises Refused: 400 for a bad hash, 405 for a mutation by GET, 406 for a subscription that must not stream.
        """
        # Before the schema sees the request: it knows documents by their text.
        data.query = self._documents.find(data)
        if data.query is None:
            return not_begun("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
        try:
            result = await self._at_once(data, context, is_get=is_get)
        except CannotGetOperationTypeError:
            return no_such_operation()
        except InvalidOperationTypeError as error:
            _check_stream(error, may_stream=may_stream)
            return self._streamed(data, context)
        if has_begun(result):
            self._documents.remember(data)
        return result

    async def _at_once(self, data: GraphQLRequestData, context: Context, *, is_get: bool) -> ExecutionResult:
        try:
            return await self._schema.execute(
                data.query,
                variable_values=data.variables,
                context_value=context,
                operation_name=data.operation_name,
                allowed_operation_types=READING if is_get else AT_ONCE,
                operation_extensions=data.extensions,
            )
        finally:
            # graphql-core's executor is a cycle that holds the context: without this, hundreds of rows would stay until
            # the garbage collector comes, and make it come often.
            context.forget()

    async def _streamed(self, data: GraphQLRequestData, context: Context) -> Results:
        results = await self._schema.stream(
            data.query,
            variable_values=data.variables,
            context_value=context,
            operation_name=data.operation_name,
            operation_extensions=data.extensions,
        )
        async with aclosing(results):
            async for result in results:
                if not isinstance(result, PreExecutionError):
                    self._documents.remember(data)
                yield result


async def streamed_once(result: ExecutionResult) -> Results:
    """Return a stream of one result."""
    yield result


def _check_stream(error: InvalidOperationTypeError, *, may_stream: bool) -> None:
    if error.operation_type is not OperationType.SUBSCRIPTION:
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "A mutation is sent with POST", headers={"Allow": "POST"})
    if not may_stream:
        raise Refused(
            HTTPStatus.NOT_ACCEPTABLE,
            "A subscription has more than one result: ask for it with `Accept: text/event-stream`, or over a WebSocket "
            "with the subprotocol graphql-transport-ws. Multipart responses are not spoken.",
            "SUBSCRIPTION_NEEDS_STREAM",
        )
