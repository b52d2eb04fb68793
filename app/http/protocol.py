"""HTTP/1.1 as uvicorn speaks it by httptools, with what it lacks: a limit on unfinished heads, and answers to the last.

While a server ends, whatever has begun to come is still answered, with `Connection: close` (RFC 9112, section 9.6).
"""

import asyncio
import socket
from asyncio.transports import BaseTransport
from contextlib import suppress
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.http.connection_limits import ConnectionLimits, Refusals

# What uvicorn allows by h11, whose requests take three times as long to read.
LONGEST_UNFINISHED = 64 * 1024
REFUSED = "Invalid HTTP request received."
GOING_AWAY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
FULL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


Client = tuple[str, int] | None
# Whom all that comes by a Unix socket comes from.
PROXY = ("unix", 0)


class DrainState(ServerState):
    """What the connections of a server share: their limits, and also whether it is about to end.

    `unfinished` counts the bytes of messages of WebSockets that have not come to an end.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        super().__init__()
        self.limits = limits
        self.refusals = Refusals()
        self.unfinished = 0
        self.is_draining = False


def client_of(transport: BaseTransport, client: Client) -> Client:
    """Return what stands for the client: its address, unless it came by a Unix socket."""
    connection = transport.get_extra_info("socket")
    return PROXY if connection is not None and connection.family == socket.AF_UNIX else client


class Stall:
    """Closes a connection whose client reads nothing, which would keep all that waits for it for ever."""

    def __init__(self, transport: asyncio.Transport, state: DrainState) -> None:
        self._transport = transport
        self._state = state
        self._timer: asyncio.TimerHandle | None = None
        self._waiting = 0

    def begin(self) -> None:
        """Watch from now on: the write buffer is full."""
        self.end()
        self._waiting = self._transport.get_write_buffer_size()
        self._timer = asyncio.get_running_loop().call_later(self._state.limits.stall_seconds, self._look)

    def end(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        if self._transport.get_write_buffer_size() < self._waiting:
            self.begin()
            return
        self._state.refusals.count("read nothing of what was sent")
        self._transport.abort()


class BoundedHttp(HttpToolsProtocol):
    """Refuses what does not come to an end: heads and trailers, of which the parser would keep any number of bytes.

    A head has a deadline, a body a least rate while somebody reads it, and an answer has to be read.
    """

    server_state: DrainState
    _unfinished = 0
    _is_reading_head = False
    _timer: asyncio.TimerHandle | None = None
    _body_bytes = 0
    _body_seen = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless there are too many connections already."""
        super().connection_made(cast("asyncio.Transport", JoinedWrites(transport)))
        self.client = client_of(transport, self.client)
        state = self.server_state
        self._stall = Stall(transport, state)
        if len(self.connections) > state.limits.connections:
            state.refusals.count("were too many")
            self._end_with(FULL)
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._await_nothing()
        self._stall.end()
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """Send what is kept, before the event loop closes a connection that the client has half closed."""
        cast("JoinedWrites", self.transport).flush()
        super().eof_received()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._stall.begin()

    def resume_writing(self) -> None:
        """Write again."""
        super().resume_writing()
        self._stall.end()

    def drain(self) -> None:
        """Close the connection after the answer that is in progress."""
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Close the connection, as soon as a request is answered that has begun to come."""
        if not self._is_reading_head:
            super().shutdown()

    def handle_websocket_upgrade(self) -> None:
        """Begin with a WebSocket, unless it would be closed at once."""
        if self.server_state.is_draining:
            self._end_with(GOING_AWAY)
        else:
            self.transport = cast("JoinedWrites", self.transport).unwrapped()
            super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        """Count what the parser has been given without anything having come of it."""
        if self.transport.is_closing():
            return
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > LONGEST_UNFINISHED and not self.transport.is_closing():
            self.send_400_response(REFUSED)
        elif self._timer is None and self.timeout_keep_alive_task is None and self.transport.get_protocol() is self:
            self._watch()

    def on_message_begin(self) -> None:
        """Begin with a head."""
        self._is_reading_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin the request."""
        self._unfinished = 0
        self._is_reading_head = False
        self._await_nothing()
        super().on_headers_complete()
        if self.server_state.is_draining:
            self.drain()

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on; how long all of it may be is for `app.http.body_limit` to say."""
        self._unfinished = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._unfinished = 0
        self._await_nothing()
        super().on_message_complete()
        if self.cycle is not None and self.cycle.response_complete and not self.parser.should_upgrade():
            # Answered before it was here: uvicorn has begun to keep the connection alive, and stopped since.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _watch(self) -> None:
        """Wait for what is still to come of a request: of most, nothing, and no timer is made."""
        if self._is_reading_head or self.cycle is None or self.cycle.response_complete:
            self._await_head()
        elif self.cycle.more_body:
            self._await_body()

    def _await_head(self) -> None:
        self._timer = self.loop.call_later(self.server_state.limits.head_seconds, self._head_is_late)

    def _await_body(self) -> None:
        self._body_seen = self._body_bytes
        self._timer = self.loop.call_later(self.server_state.limits.body_seconds, self._look_at_body)

    def _await_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _head_is_late(self) -> None:
        is_busy = self.cycle is not None and not self.cycle.response_complete
        self.server_state.refusals.count("sent no whole head in time")
        if is_busy:
            # What is in progress is answered; the next request would not come.
            self.transport.abort()
        else:
            self._end_with(TIMED_OUT if self._is_reading_head else b"")

    def _look_at_body(self) -> None:
        """Go on where enough has come, or where nobody has read it."""
        self._timer = None
        cycle = self.cycle
        if cycle.response_complete:
            self._await_head()
        elif self.flow.read_paused or self._body_bytes - self._body_seen >= self.server_state.limits.least_body:
            self._await_body()
        else:
            self.server_state.refusals.count("sent a body too slowly")
            self._end_with(b"" if cycle.response_started else TIMED_OUT)
            cycle.disconnected = True
            cycle.message_event.set()

    def _end_with(self, answer: bytes) -> None:
        if answer:
            self.transport.write(answer)
        self.transport.close()


class JoinedWrites:
    """A transport that keeps a write until the next one, or until the next turn of the event loop.

    So an answer's head and body are one system call, as a rule one packet; uvicorn writes them one by one. This saves
    10% of a poll's time. Everything but writing is the transport's own; a stream's pieces wait for a turn.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._kept: bytes | None = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever transports have
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write soon, together with what was kept: no more than one write is."""
        if self._kept is None:
            self._kept = data
            self._loop.call_soon(self.flush)
        else:
            kept, self._kept = self._kept, None
            self._transport.writelines((kept, data))

    def close(self) -> None:
        """Close once everything is written."""
        self.flush()
        self._transport.close()

    def unwrapped(self) -> asyncio.Transport:
        """Return the transport itself, for what is no HTTP any more."""
        self.flush()
        return self._transport

    def flush(self) -> None:
        """Write what is kept."""
        kept, self._kept = self._kept, None
        if kept is not None:
            # uvloop's transports say so where the connection is lost; asyncio's take what is written then.
            with suppress(RuntimeError):
                self._transport.write(kept)
