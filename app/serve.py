"""`lookreel serve`: API processes and a worker under one supervisor, sharing one listening socket."""

import asyncio
import socket
import sys
from asyncio import FIRST_EXCEPTION
from collections.abc import Sequence
from contextlib import ExitStack
from tempfile import TemporaryDirectory

from app.child import Child
from app.databases import database_url
from app.parent import METRICS_FOLDER
from app.settings import Settings
from app.supervisor import supervise


async def serve(
    settings: Settings,
    listener: socket.socket,
    *,
    api_processes: int = 1,
    with_worker: bool = True,
    stop: asyncio.Event | None = None,
) -> int:
    """Keep the processes running until SIGTERM, SIGINT or `stop`; return the exit code.

    `listener` is closed first then: once the children have done the same, whoever comes is refused, and goes elsewhere.
    The database is held open meanwhile, so that restarting a child never stops an embedded server. It is started while
    the children load; whoever is done before it waits for it.
    """
    env: dict[str, str] = {"LOG_LEVEL": settings.log_level}
    with TemporaryDirectory(prefix="lookreel-metrics-") as folder:
        if settings.metrics_token is not None:
            env[METRICS_FOLDER] = folder
        fd = listener.fileno()
        api = (sys.executable, "-m", "app.api", "--fd", str(fd))
        children = [Child(f"api-{number}", api, (fd,), env) for number in range(1, api_processes + 1)]
        if with_worker:
            # What it loads takes as long as what the API loads, and somebody may be waiting for that.
            children.append(Child("worker", (sys.executable, "-m", "app.worker"), env=env, waits=True))
        return await _supervised(settings, children, listener, stop or asyncio.Event())


async def _supervised(
    settings: Settings, children: Sequence[Child], listener: socket.socket, stop: asyncio.Event
) -> int:
    """Start the children and the database at once; without the one, there are none of the others."""
    with ExitStack() as held:
        supervising = asyncio.create_task(supervise(children, stop=stop, on_end=listener.close))
        opening = asyncio.create_task(asyncio.to_thread(held.enter_context, database_url(settings)))
        try:
            await asyncio.wait({supervising, opening}, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
            await asyncio.wait({supervising, opening})
        opening.result()
        return supervising.result()
