"""What the connections of a server share."""

from typing import Protocol, runtime_checkable

from uvicorn.server import ServerState

from app.http.connection_limits import ConnectionLimits, Refusals


@runtime_checkable
class Drainable(Protocol):
    """A connection that can be told that the server is about to end."""

    def drain(self) -> None:
        """End soon."""
        ...


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

    def begin(self) -> None:
        """Begin to end: WebSockets are closed, and no connection is kept for another request."""
        self.is_draining = True
        for connection in list(self.connections):
            if isinstance(connection, Drainable):
                connection.drain()
