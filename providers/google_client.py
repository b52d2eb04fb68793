"""The HTTP client beneath Google's SDK: it knows what went out, and lets one large answer at a time into memory."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpx
from google.genai import types

from providers.tls import trusted_certificates

LARGE_BODY_BYTES = 100_000
# For all of a call: the SDK's timeout is for each wait for bytes, which may come one by one.
LONGEST_CALL_SECONDS = 600.0

# The pool has no limit of its own, which would turn waiting for a connection into an error; callers limit themselves.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=5.0)


class Call:
    """One call of the SDK, from its beginning until its caller is done with the answer."""

    def __init__(self, turn: asyncio.Lock) -> None:
        self._turn = turn
        self._has_turn = False
        self.went_out = False
        """Whether a request was about to leave. If not, nothing has been asked of the other side for sure."""

    async def wait_for_turn(self) -> None:
        """Wait until no other call has a large answer in memory."""
        if not self._has_turn:
            await self._turn.acquire()
            self._has_turn = True

    def end(self) -> None:
        """Let the next one have its large answer."""
        if self._has_turn:
            self._has_turn = False
            self._turn.release()


class CallingClient:
    """An `httpx.AsyncClient` to hand to the SDK, and the calls made through it.

    Hooks do it rather than a transport of our own, with which httpx would ignore the environment's proxies.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._current: ContextVar[Call | None] = ContextVar("call", default=None)
        self.client = httpx.AsyncClient(
            event_hooks={"request": [self._note], "response": [self._hold_back]},
            limits=_LIMITS,
            verify=trusted_certificates(),
        )

    @contextmanager
    def call(self) -> Iterator[Call]:
        """Watch what this task asks of the client. A large answer has its turn until the end of the block."""
        call = Call(self._turn)
        token = self._current.set(call)
        try:
            yield call
        finally:
            self._current.reset(token)
            call.end()

    async def _note(self, _: httpx.Request) -> None:
        if call := self._current.get():
            call.went_out = True

    async def _hold_back(self, response: httpx.Response) -> None:
        """Come between the connection and its reader, once the head of the answer is there."""
        call = self._current.get()
        if call and isinstance(response.stream, httpx.AsyncByteStream):
            announced = response.headers.get("Content-Length", "")
            response.stream = _HeldBack(response.stream, call, int(announced) if announced.isdecimal() else 0)


class _HeldBack(httpx.AsyncByteStream):
    """The body of an answer, which waits for its turn as soon as it is known to be large.

    No read is under way meanwhile, so no timeout of the connection runs.
    """

    def __init__(self, body: httpx.AsyncByteStream, call: Call, announced_bytes: int) -> None:
        self._body: httpx.AsyncByteStream | None = body
        self._call = call
        self._known_bytes = announced_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read_bytes = 0
        if self._known_bytes > LARGE_BODY_BYTES:
            await self._call.wait_for_turn()
        if self._body is None:
            raise httpx.StreamClosed
        async for chunk in self._body:
            read_bytes += len(chunk)
            if read_bytes > LARGE_BODY_BYTES:
                await self._call.wait_for_turn()
            yield chunk

    async def aclose(self) -> None:
        """Let go of httpx's stream, which refers back to the answer: as a cycle, they would stay in memory for long."""
        body, self._body = self._body, None
        if body:
            await body.aclose()


def sdk_options(
    http: CallingClient, base_url: str | None, timeout_seconds: float, api_version: str | None = None
) -> types.HttpOptions:
    """Return the SDK's options by which nothing is sent twice, and all clients verify by the same certificates."""
    certificates = trusted_certificates()
    return types.HttpOptions(
        # The SDK sends a submit up to five times by its own retries, each of which may be accepted and paid for, and
        # twice by aiohttp's, which a client of ours rules out.
        retry_options=types.HttpRetryOptions(attempts=1),
        httpx_async_client=http.client,
        client_args={"verify": certificates},
        async_client_args={"verify": certificates, "ssl": certificates},
        base_url=base_url,
        api_version=api_version,
        timeout=round(timeout_seconds * 1000),
    )
