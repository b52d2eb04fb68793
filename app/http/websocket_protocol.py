"""WebSockets as uvicorn speaks them, with bounds on what a connection may keep in memory."""

from asyncio import TimerHandle, Transport
from asyncio.transports import BaseTransport
from time import perf_counter
from typing import Any, cast

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request

from app.http.connection_limits import KILOBYTE
from app.http.protocol import DrainState, Stall, client_of
from graphql_server.websocket import ON_INIT

# What no connection is closed for, however much all of them hold: an answer to `connection_init` needs less.
SMALL = 16 * KILOBYTE
# What is read at once, in bytes, and in seconds how long that takes where it is not thousands of frames. A connection
# that takes longer is left alone for so many times as long.
SLICE = 4 * KILOBYTE
LONG = 0.004
REST = 32
LONGEST_REST = 0.25


class WebSocket(WebSocketsSansIOProtocol):
    """Reads no more than it may keep, and nothing from a client that does not read; can be told twice to close."""

    def __init__(self, config: Config, server_state: DrainState, app_state: dict[str, Any], **more: Any) -> None:  # noqa: ANN401 - as inherited
        super().__init__(config, server_state, app_state, **more)
        self._server_state = server_state
        self._limits = server_state.limits
        self._held = 0
        self._stall: Stall
        self._unread = bytearray()
        self._begun = 0.0
        self._timer: TimerHandle | None = None
        # Whole messages, however many frames they come in, and also those that have not come to an end.
        self.conn.max_message_size = self._limits.message_before_init

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        self.client = client_of(transport, self.client)
        self._stall = Stall(cast("Transport", transport), self._server_state)

    def connection_lost(self, exc: Exception | None) -> None:
        """End, and hold nothing any more."""
        self._stall.end()
        self._hold(0)
        self._unread.clear()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close with 1012, unless that is under way."""
        if not self.transport.is_closing():
            super().shutdown()

    def pause_writing(self) -> None:
        """Read no more while the client does not either: each ping that is read makes a pong to be written."""
        super().pause_writing()
        self._stall.begin()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again."""
        super().resume_writing()
        self._stall.end()
        self._go_on()

    async def receive(self) -> ASGIReceiveEvent:
        """Return the next message; go on reading once there is none."""
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self._rest(perf_counter() - self._begun)
        return message

    def data_received(self, data: bytes) -> None:
        """Read a little at a time, so that thousands of tiny frames keep nobody waiting."""
        if not self.handshake_initiated:
            super().data_received(data)
            return
        self._unread += data
        self.transport.pause_reading()
        if self._timer is None:
            self._go_on()

    def _go_on(self) -> None:
        """Read a slice, unless messages wait for the application, or answers for the client."""
        self._timer = None
        if self.transport.is_closing():
            self._unread.clear()
        elif self._unread and not self.read_paused and self.writable.is_set():
            self._begun = perf_counter()
            slice_ = bytes(self._unread[:SLICE])
            del self._unread[:SLICE]
            self._read(slice_)
            self._rest(perf_counter() - self._begun)
        elif not self._unread and not self.read_paused and self.writable.is_set():
            self.transport.resume_reading()

    def _rest(self, taken: float) -> None:
        """Go on soon, or later where what was read has taken long."""
        if self._timer is None:
            seconds = min(REST * taken, LONGEST_REST) if taken > LONG and self._unread else 0
            self._timer = self.loop.call_later(seconds, self._go_on)

    def _read(self, data: bytes) -> None:
        """Read frames; close the connection where unfinished messages of all of them take too much."""
        super().data_received(data)
        self._hold(len(self._unread) + len(self.conn.reader.buffer) + sum(map(len, self.frames)))
        state = self._server_state
        # What was not read yet counts: it may be as much again.
        if self._held > SMALL and state.unfinished > self._limits.unfinished_messages and not self.close_sent:
            state.refusals.count("sent messages without an end")
            if self.handshake_complete:
                self.conn.fail(CloseCode.TRY_AGAIN_LATER, "Too much is unfinished at the moment")
                self.handle_parser_exception()
            else:
                self.transport.abort()

    def handle_connect(self, event: Request) -> None:
        """Begin the application, which says when the client has introduced itself."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"] |= {ON_INIT: self._initialised}  # type: ignore[dict-item]

    def handle_cont(self, event: Frame) -> None:
        """Add a fragment to the one piece that is kept: a million small ones would take forty times their size."""
        if not isinstance(self.frames[0], bytearray):
            self.frames = [bytearray(self.frames[0])]  # type: ignore[list-item]
        self.frames[0] += event.data
        if event.fin:
            self.send_receive_event_to_app()

    def send_receive_event_to_app(self) -> None:
        """Hand a message on, or close with 1007 where it is no text, which uvicorn logs as a fault of ours."""
        try:
            if self.curr_msg_data_type == "text" and not self.close_sent:
                b"".join(self.frames).decode()
        except UnicodeDecodeError:
            self.frames = []
            self.conn.fail(CloseCode.INVALID_DATA)
            self.handle_parser_exception()
        else:
            super().send_receive_event_to_app()

    async def send(self, message: ASGISendEvent) -> None:
        """Send what the application says; where the connection was closed meanwhile, nobody is there any more."""
        await self.writable.wait()
        is_closed = self.disconnected or (self.close_sent and self.handshake_complete)
        if is_closed and message["type"] == "websocket.close":
            return
        if is_closed and message["type"] == "websocket.send":
            raise ClientDisconnected
        await super().send(message)
        # Otherwise, uvicorn logs an answer in the place of the handshake as a fault of ours.
        self.handshake_complete |= self.close_sent

    def drain(self) -> None:
        """End, as the process is about to."""
        if self.handshake_complete:
            self.shutdown()

    def _initialised(self) -> None:
        self.conn.max_message_size = self._limits.message

    def _hold(self, size: int) -> None:
        self._server_state.unfinished += size - self._held
        self._held = size
