"""WebSockets as clients send them that follow no library's rules."""

import asyncio
import json
import struct
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.house import House

TEXT, CONTINUATION, PING, CLOSE = 1, 0, 9, 8
FIN = 0x80
HEAD = (
    "GET /graphql HTTP/1.1\r\nHost: house\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Protocol: graphql-transport-ws\r\nSec-WebSocket-Key: {b64encode(bytes(16)).decode()}\r\n\r\n"
)


def frame(opcode: int, payload: bytes, *, fin: bool = True, announced: int | None = None) -> bytes:
    """Return a frame, masked with zeros; `announced` is the length that it is said to have."""
    length = len(payload) if announced is None else announced
    short = length if length < 126 else 126 if length < 2**16 else 127
    extended = b"" if short < 126 else struct.pack("!H" if short == 126 else "!Q", length)
    return bytes([opcode | (FIN if fin else 0), 0x80 | short]) + extended + bytes(4) + payload


class RawWebSocket:
    """One connection, after its handshake."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    @asynccontextmanager
    async def opened(cls, house: House) -> AsyncIterator["RawWebSocket"]:
        reader, writer = await asyncio.open_connection(house.http.base_url.host, house.http.base_url.port)
        try:
            writer.write(HEAD.encode())
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            yield cls(reader, writer)
        finally:
            writer.transport.abort()

    async def initialise(self, house: House) -> None:
        """Introduce itself as somebody new."""
        payload = house.headers(await house.user())
        self.writer.write(frame(TEXT, json.dumps({"type": "connection_init", "payload": payload}).encode()))
        assert await self.received() == (TEXT, b'{"type":"connection_ack"}')

    async def send(self, *frames: bytes) -> None:
        """Send for as long as the connection lasts."""
        with suppress(ConnectionError):
            for piece in frames:
                self.writer.write(piece)
                await self.writer.drain()

    async def received(self) -> tuple[int, bytes]:
        """Return the next frame's opcode and payload."""
        first, length = await self.reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        return first & 0x0F, await self.reader.readexactly(length)

    async def close_code(self) -> int | None:
        """Return the code that the connection is closed with; None where it is reset before that can be read."""
        try:
            while True:
                opcode, payload = await self.received()
                if opcode == CLOSE:
                    return int(struct.unpack("!H", payload[:2])[0])
        except (ConnectionError, asyncio.IncompleteReadError):
            return None
