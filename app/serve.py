"""`lookreel serve`: API processes and a worker under one supervisor, sharing one listening socket.

It loads no more than what starts the processes.
"""

import asyncio
import logging
import socket
import sys
from asyncio import FIRST_EXCEPTION
from collections.abc import Sequence
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from app.child import Child
from app.listening import listen, url_at
from app.parent import METRICS_FOLDER
from app.process import database_url, run_process
from app.setting_types import number
from app.settings import Settings
from app.supervisor import supervise
from db.embedded.server import revive
from db.engine.errors import EmbeddedServerUnavailable

LOOK_SECONDS = 2.0
# A video that is being sent to its generator may be paid for already: its answer has 60 s.
WORKER_SECONDS = 70.0

logger = logging.getLogger("lookreel")


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
        api = (sys.executable, "-m", "app.launch", "app.api", "--fd", str(fd))
        children = [Child(f"api-{number}", api, (fd,), env) for number in range(1, api_processes + 1)]
        if with_worker:
            worker = (sys.executable, "-m", "app.launch", "app.worker")
            # What it loads takes as long as what the API loads, and somebody may be waiting for that.
            children.append(Child("worker", worker, env=env, waits=True, grace_seconds=WORKER_SECONDS))
        return await _supervised(settings, children, listener, stop or asyncio.Event())


async def _supervised(
    settings: Settings, children: Sequence[Child], listener: socket.socket, stop: asyncio.Event
) -> int:
    """Start the children and the database at once; without the one, there are none of the others."""
    with ExitStack() as held:
        supervising = asyncio.create_task(supervise(children, stop=stop, on_end=listener.close))
        opening = asyncio.create_task(asyncio.to_thread(held.enter_context, database_url(settings)))
        keeping = asyncio.create_task(_keep_embedded(settings, opening))
        try:
            await asyncio.wait({supervising, opening}, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
            keeping.cancel()
            await asyncio.wait({supervising, opening, keeping})
        opening.result()
        return supervising.result()


async def _keep_embedded(settings: Settings, opening: asyncio.Task[str]) -> None:
    """Look again and again whether the embedded server is there, and start it where it was killed."""
    said: str | None = None
    while settings.database_url is None:
        await asyncio.sleep(LOOK_SECONDS)
        if not opening.done():
            continue
        try:
            if await asyncio.to_thread(revive, settings.data_dir):
                logger.warning("The embedded PostgreSQL was gone, and has been started again")
            said = None
        except EmbeddedServerUnavailable as error:
            if said != str(error):
                said = str(error)
                logger.error("The embedded PostgreSQL is gone, and cannot be started: %s", said)  # noqa: TRY400 - a sentence says it


def serve_command(
    workers: Annotated[int, typer.Option(parser=number(int, 1, 1000), help="How many API processes")] = 1,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="API only; run `lookreel worker` elsewhere")] = False,  # noqa: FBT002 - a command line's flag
) -> None:
    """Run the API and a worker."""

    async def work(settings: Settings) -> int:
        listener = listen(settings.host, settings.port)
        if settings.has_unix_socket:
            logger.info("At %s, for a proxy: Studio at /, the playground at /graphql, REST at /docs", settings.host)
        else:
            address = url_at(*listener.getsockname()[:2])
            logger.info("Studio: %s/, Playground: %s/graphql, REST: %s/docs", address, address, address)
        return await serve(settings, listener, api_processes=workers, with_worker=not no_worker)

    sys.exit(run_process(work))


def main() -> int:
    """Serve as the command line says; ends the process itself."""
    program = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    program.command()(serve_command)
    program(sys.argv[2:], prog_name="lookreel serve")
    return 0
