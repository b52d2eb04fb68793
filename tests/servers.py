"""More API servers, each with settings or a database of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from app.asgi import application, services_of
from app.http.server import HttpServer
from app.listening import listen
from app.settings import Settings
from db.engine.database import Database


def create_app(settings: Settings, database: Database) -> ASGIApp:
    return application(settings, services_of(settings, database))


@asynccontextmanager
async def serving(settings: Settings, database: Database, port: int = 0) -> AsyncIterator[str]:
    """Serve as an API process does, on a free port unless one is named; yield the base URL."""
    listener = listen("127.0.0.1", port)
    services = services_of(settings, database)
    server = HttpServer(application(settings, services), services.rest.streams, settings.connection_limits())
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
