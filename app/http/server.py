"""uvicorn as an API process runs it, with an end in order."""

import asyncio
import logging
import select
import socket
from collections.abc import Sequence
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from app.http.connection_limits import ConnectionLimits
from app.http.protocol import PROXY, BoundedHttp, DrainState
from app.http.websocket_protocol import WebSocket
from app.parent import tell_ready
from resolvers.streams import Streams

# How long what is in progress may take after a SIGTERM; the supervisor kills 5 s later.
DRAIN_SECONDS = 5
# What was cut off then says so.
CUT_SECONDS = 1.0
# How many of the connections that wait are accepted at most, each of which takes the event loop a turn.
MOST_ACCEPTED = 1000
# What was sent by then is answered: the event loop reads it, however late it is itself.
ARRIVE_SECONDS = (0.02, 0.02, 0.02)
# Longer than the minute that reverse proxies keep idle connections: whoever closes first must not be the server, or the
# proxy's next request meets a connection that is going away.
KEEP_ALIVE_SECONDS = 75
EVERYBODY = "*"


class HttpServer(uvicorn.Server):
    """Serves an application on sockets that it is given; `streams` are what would not end by itself."""

    def __init__(self, app: ASGIApp, streams: Streams, limits: ConnectionLimits) -> None:
        for name in ("uvicorn.error", "websockets.server"):
            logging.getLogger(name).addFilter(_DISCREET)
        config = uvicorn.Config(
            app,
            http=BoundedHttp,
            ws=WebSocket,
            ws_per_message_deflate=False,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        # What it says is believed as what those say whom `FORWARDED_ALLOW_IPS` names.
        if config.forwarded_allow_ips != EVERYBODY:
            config.forwarded_allow_ips = f"{config.forwarded_allow_ips},{PROXY[0]}"
        super().__init__(config)
        self.server_state = self._drain = DrainState(limits)
        self._streams = streams

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as inherited
        """Begin to end. What is inherited would raise the signal again in the end, and the process die by it."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and tell the supervisor so."""
        await super().startup(sockets)
        if self.started:
            tell_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let streams end and answer what has come, stop to listen, close what is idle, wait for the rest."""
        self._drain.is_draining = True
        for connection in list(self._drain.connections):
            if isinstance(connection, BoundedHttp | WebSocket):
                connection.drain()
        self._streams.end()
        await _all_accepted(sockets or [])
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for seconds in ARRIVE_SECONDS:
            await asyncio.sleep(seconds)
        await super().shutdown(sockets)
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=CUT_SECONDS)
        for connection in list(self.server_state.connections):
            # Its client does not read.
            connection.transport.abort()


async def _all_accepted(listeners: Sequence[socket.socket]) -> None:
    """Let the event loop accept who waits: the kernel would reset those who still do when the last process closes.

    Whom asyncio has accepted in one turn, it connects in the next: once nobody listens, it would forget them.
    """
    quiet_turns = 0
    for _ in range(MOST_ACCEPTED):
        quiet_turns = 0 if select.select(listeners, [], [], 0)[0] else quiet_turns + 1
        if quiet_turns > 1:
            return
        await asyncio.sleep(0)


class Discreet(logging.Filter):
    """Cuts queries, which may hold tokens, and drops DEBUG, by which heads with credentials and frames are written."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written, once its addresses are cut."""
        if isinstance(record.args, tuple) and "WebSocket" in str(record.msg):
            record.args = tuple(arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args)
        return record.levelno > logging.DEBUG


_DISCREET = Discreet()
