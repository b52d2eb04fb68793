"""Any ASGI app behind real HTTP, in the running event loop; and requests that get no answer."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp

from app.listening import listen


@asynccontextmanager
async def serving_app(app: ASGIApp) -> AsyncIterator[str]:
    """Serve on a free port of this machine; yield the base URL, such as `http://127.0.0.1:40123`."""
    listener = listen("127.0.0.1", 0)
    # asyncio does so for sockets that name their protocol only; without it, most answers come 40 ms late.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(app, http="h11", ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def drop(request: Request) -> None:
    """Close the connection under a request, whatever has been answered so far; what is returned later goes nowhere.

    ASGI has no word for it, so this reaches for uvicorn's transport.
    """
    uvicorns_cycle: Any = request.receive.__self__  # type: ignore[attr-defined]
    uvicorns_cycle.transport.close()
    await until_gone(request)


async def until_gone(request: Request) -> None:
    """Wait until the other side, or this one, has closed the connection. The body has been read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
