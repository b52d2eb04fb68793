"""More API servers, each with settings or a database of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.asgi import application, services_of
from app.http.server import HttpServer
from app.serve import listen
from app.settings import Settings
from db.engine.database import Database


@asynccontextmanager
async def serving(settings: Settings, database: Database) -> AsyncIterator[str]:
    """Serve on a free port as an API process does; yield the base URL."""
    listener = listen("127.0.0.1", 0)
    services = services_of(settings, database)
    server = HttpServer(application(settings, services), services.rest.streams, settings.connection_limits())
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
