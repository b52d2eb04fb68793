"""`lookreel serve` on the command line. It loads no more than what starts the processes."""

import logging
import sys
from typing import Annotated

import typer

from app.listening import listen, url_at
from app.process import run_process
from app.serve import serve as serve_processes
from app.setting_types import number
from app.settings import Settings


def serve(
    workers: Annotated[int, typer.Option(parser=number(int, 1, 1000), help="How many API processes")] = 1,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="API only; run `lookreel worker` elsewhere")] = False,  # noqa: FBT002 - a command line's flag
) -> None:
    """Run the API and a worker."""

    async def work(settings: Settings) -> int:
        listener = listen(settings.host, settings.port)
        logger = logging.getLogger("lookreel")
        if settings.has_unix_socket:
            logger.info("At %s, for a proxy: Studio at /, the playground at /graphql, REST at /docs", settings.host)
        else:
            address = url_at(*listener.getsockname()[:2])
            logger.info("Studio: %s/, Playground: %s/graphql, REST: %s/docs", address, address, address)
        return await serve_processes(settings, listener, api_processes=workers, with_worker=not no_worker)

    sys.exit(run_process(work))


def main() -> int:
    """Serve as the command line says; ends the process itself."""
    program = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    program.command()(serve)
    program(sys.argv[2:], prog_name="lookreel serve")
    return 0
