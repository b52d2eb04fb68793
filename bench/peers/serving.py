"""How every peer that is written in Python is served: uvicorn and uvloop, set as ours are."""

import os
import socket
from collections.abc import Callable
from typing import Annotated, Any

import typer
import uvicorn
import uvloop
from sqlalchemy.engine import URL, make_url

# Longer than any run between two requests.
KEEP_ALIVE_SECONDS = 75

Application = Callable[..., Any]


def run(create: Callable[[], Application]) -> None:
    """Serve on the socket that the command line names: `--fd N`."""

    def main(fd: Annotated[int, typer.Option(help="The listening socket's file descriptor")]) -> None:
        config = uvicorn.Config(create(), access_log=False, log_config=None, timeout_keep_alive=KEEP_ALIVE_SECONDS)
        loop = uvloop.new_event_loop()
        loop.run_until_complete(uvicorn.Server(config).serve(sockets=[socket.socket(fileno=fd)]))

    typer.run(main)


def database_url(driver: str) -> URL:
    """Return where the database is."""
    return make_url(os.environ["DATABASE_URL"]).set(drivername=driver)


def pool_size() -> int:
    """Return how many connections a server may have."""
    return int(os.environ["DATABASE_POOL_SIZE"])
