"""More API servers, each with settings or a database of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from app.asgi import create_app
from app.http.protocol import BoundedHttp
from app.serve import listen
from app.settings import Settings
from db.session import Database


@asynccontextmanager
async def serving(settings: Settings, database: Database) -> AsyncIterator[str]:
    """Serve on a free port as an API process does; yield the base URL."""
    listener = listen("127.0.0.1", 0)
    app = create_app(settings, database)
    config = uvicorn.Config(app, http=BoundedHttp, ws="websockets-sansio", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
