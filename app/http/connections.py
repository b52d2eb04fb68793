"""What the connections of a server share, and whom they come from."""

import socket
from asyncio.transports import BaseTransport
from typing import Protocol, runtime_checkable

import uvicorn
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


Client = tuple[str, int] | None

EVERYBODY = "*"
PROXY = ("unix", 0)


def client_of(transport: BaseTransport, client: Client) -> Client:
    """Return what stands for the client: its address, unless it came by a Unix socket."""
    connection = transport.get_extra_info("socket")
    return PROXY if connection is not None and connection.family == socket.AF_UNIX else client


def trust_local_proxy(config: uvicorn.Config) -> None:
    """Believe its `X-Forwarded-For` and `X-Forwarded-Proto`, as those of whom `FORWARDED_ALLOW_IPS` names."""
    if config.forwarded_allow_ips != EVERYBODY:
        config.forwarded_allow_ips = f"{config.forwarded_allow_ips},{PROXY[0]}"
