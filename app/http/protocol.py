"""HTTP/1.1 as uvicorn speaks it by httptools, with what it lacks: a limit on unfinished heads, and answers to the last.

While a server ends, whatever has begun to come is still answered, with `Connection: close` (RFC 9112, section 9.6).
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.http.drain import DrainState

# What uvicorn allows by h11, whose requests take three times as long to read.
LONGEST_UNFINISHED = 64 * 1024
REFUSED = "Invalid HTTP request received."


GOING_AWAY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedHttp(HttpToolsProtocol):
    """Refuses heads and trailers that do not come to an end: the parser would keep any number of bytes of them."""

    server_state: DrainState
    _unfinished = 0
    _is_reading_head = False

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
            self.transport.write(GOING_AWAY)
            self.transport.close()
        else:
            super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        """Count what the parser has been given without anything having come of it."""
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > LONGEST_UNFINISHED and not self.transport.is_closing():
            self.send_400_response(REFUSED)

    def on_message_begin(self) -> None:
        """Begin with a head."""
        self._is_reading_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin the request."""
        self._unfinished = 0
        self._is_reading_head = False
        super().on_headers_complete()
        if self.server_state.is_draining:
            self.drain()

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on; how long all of it may be is for `app.http.body_limit` to say."""
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._unfinished = 0
        super().on_message_complete()
