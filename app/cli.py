"""The program `lookreel`. It loads what `lookreel serve` needs to start its processes; other commands load the rest."""

import logging
import os
import sys
from typing import Annotated

import typer

from app.process import run_process
from app.serve import listen
from app.serve import serve as serve_processes
from app.settings import Settings


def serve(
    workers: Annotated[int, typer.Option(min=1, help="How many API processes")] = 1,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="API only; run `lookreel worker` elsewhere")] = False,  # noqa: FBT002 - a command line's flag
) -> None:
    """Run the API and a worker."""

    async def work(settings: Settings) -> int:
        listener = listen(settings.host, settings.port)
        host, port = listener.getsockname()[:2]
        logging.getLogger("lookreel").info(
            "Playground: http://%s:%s/graphql, REST: http://%s:%s/docs", host, port, host, port
        )
        return await serve_processes(settings, listener, api_processes=workers, with_worker=not no_worker)

    sys.exit(run_process(work))


def main() -> None:
    """Serve, or go on as the program that knows all commands."""
    command, *arguments = sys.argv[1:] or [""]
    if command != "serve":
        os.execv(sys.executable, [sys.executable, "-m", "app.commands", *sys.argv[1:]])  # noqa: S606 - no shell is wanted
    program = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    program.command()(serve)
    program(arguments, prog_name="lookreel serve")
