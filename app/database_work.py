"""Commands that work on a migrated database: what is refused is a sentence on stderr, and 1."""

import sys
from collections.abc import Awaitable, Callable
from typing import NoReturn

import typer

from app.process import run_process
from app.settings import Settings
from app.wiring import open_database
from db import revisions
from db.engine.database import Database
from resolvers.errors import Refusal

Work = Callable[[Settings, Database], Awaitable[int | None]]


def exit_with(work: Work) -> NoReturn:
    """Do it, and end the process with the exit code that it returns, 0 for None."""

    async def run(settings: Settings) -> int | None:
        try:
            async with open_database(settings) as database:
                await revisions.require(database.reader)
                return await work(settings, database)
        except (Refusal, ValueError) as error:
            typer.echo(error, err=True)
            return 1

    sys.exit(run_process(run))
