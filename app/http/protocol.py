"""HTTP/1.1 as uvicorn speaks it by httptools, with the limit that it lacks: on what is kept of an unfinished head."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# What uvicorn allows by h11, whose requests take three times as long to read.
LONGEST_UNFINISHED = 64 * 1024
REFUSED = "Invalid HTTP request received."


class BoundedHttp(HttpToolsProtocol):
    """Refuses heads and trailers that do not come to an end: the parser would keep any number of bytes of them."""

    _unfinished = 0

    def data_received(self, data: bytes) -> None:
        """Count what the parser has been given without anything having come of it."""
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > LONGEST_UNFINISHED and not self.transport.is_closing():
            self.send_400_response(REFUSED)

    def on_headers_complete(self) -> None:
        """Begin the request."""
        self._unfinished = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on; how long all of it may be is for `app.http.body_limit` to say."""
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._unfinished = 0
        super().on_message_complete()
