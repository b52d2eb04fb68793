"""An address on the network for the tests' PostgreSQL, which listens on a socket alone: with TLS, or cut off."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
CHUNK = 65536


class PostgresProxy:
    """Passes on what it gets, both ways; `cut_off` as a network would that loses every packet."""

    def __init__(self, socket: Path, context: ssl.SSLContext | None) -> None:
        self.port = 0
        self.encrypted = 0
        self._socket = socket
        self._context = context
        self._flows = asyncio.Event()
        self._flows.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut_off(self) -> None:
        self._flows.clear()

    def join(self) -> None:
        self._flows.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._passed_on(reader, writer)
        writer.close()

    async def _passed_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flows.wait()
        first = b""
        if self._context is not None:
            first = await reader.readexactly(len(SSL_REQUEST))
            if first == SSL_REQUEST:
                writer.write(b"S")
                await writer.start_tls(self._context)
                self.encrypted, first = self.encrypted + 1, b""
        server_reader, server_writer = await asyncio.open_unix_connection(self._socket)
        server_writer.write(first)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._flow(reader, server_writer))
                tasks.create_task(self._flow(server_reader, writer))
        except* OSError:
            pass
        finally:
            server_writer.close()

    async def _flow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError  # ends the other direction, too

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def proxied(folder: str, context: ssl.SSLContext | None = None) -> AsyncIterator[PostgresProxy]:
    """Stand in front of the PostgreSQL with its socket in that folder, on a free port of 127.0.0.1."""
    proxy = PostgresProxy(Path(folder) / ".s.PGSQL.5432", context)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()


def server_context(certificate: Path, key: Path, clients: Path | None = None) -> ssl.SSLContext:
    """Return the server's side of TLS; with `clients`, it asks for certificates of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
