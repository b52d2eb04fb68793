"""Thousands of WebSocket clients in one process, each a few lines: what they cost must not hide what a server costs."""

import asyncio
import base64
import os
import struct
import time
from typing import cast
from urllib.parse import urlsplit

SHORT, LONG = 126, 1 << 16
TEXT_FRAME, PING_FRAME, PONG_FRAME = 0x81, 0x89, 0x8A
MASKED = 0x80


class Client(asyncio.Protocol):
    """One connection: it says hello, and notes when it was last told something that contains `awaited`."""

    transport: asyncio.Transport

    def __init__(self, path: str, subprotocol: str | None) -> None:
        self._path = path
        self._subprotocol = subprotocol
        self._received = b""
        self._waiting: tuple[bytes, asyncio.Future[float]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade (RFC 6455, section 4.1)."""
        self.transport = transport = cast("asyncio.Transport", transport)
        protocol = f"Sec-WebSocket-Protocol: {self._subprotocol}\r\n" if self._subprotocol else ""
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{protocol}\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Look for what is awaited; what came before it is forgotten. A ping comes by itself, or begins a segment."""
        if data[0] == PING_FRAME:
            end = 2 + data[1]
            self.transport.write(struct.pack("!BB", PONG_FRAME, MASKED | data[1]) + b"\0\0\0\0" + data[2:end])
            data = data[end:]
        self._received += data
        if self._waiting is not None and self._waiting[0] in self._received:
            self._received, (_, found), self._waiting = b"", self._waiting, None
            found.set_result(time.perf_counter())

    def send(self, text: str) -> None:
        """Send a text frame; a mask of zeros is as good as any among friends."""
        payload = text.encode()
        size = len(payload)
        head = struct.pack("!BB", TEXT_FRAME, MASKED | size) if size < SHORT else b""
        if not head:
            head = struct.pack("!BBH", TEXT_FRAME, MASKED | SHORT, size)
        self.transport.write(head + b"\0\0\0\0" + payload)

    async def until(self, awaited: bytes) -> float:
        """Wait for bytes; return when they came, in seconds of `time.perf_counter`."""
        if awaited in self._received:
            self._received = b""
            return time.perf_counter()
        found: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting = (awaited, found)
        return await asyncio.wait_for(found, 120)

    def close(self) -> None:
        """Hang up."""
        self.transport.abort()


async def connect(url: str, path: str, subprotocol: str | None = None) -> Client:
    """Open a connection to `http://host:port`."""
    address = urlsplit(url)
    _, client = await asyncio.get_running_loop().create_connection(
        lambda: Client(path, subprotocol), str(address.hostname), int(address.port or 0)
    )
    await client.until(b"\r\n\r\n")
    return client
