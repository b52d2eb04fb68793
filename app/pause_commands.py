"""`lookreel pause` and `resume`: creations refused before any charge, by all processes at once."""

import sys
from typing import Annotated

import typer

from app.process import run_process
from app.settings import Settings
from app.wiring import open_database
from db.enums import PauseScope
from resolvers import pauses
from resolvers.audit import OPERATOR
from resolvers.errors import InvalidInput


def pause(
    reason: Annotated[str, typer.Option(help="What clients read, as a sentence")],
    real: Annotated[bool, typer.Option("--real", help="Refuse real videos alone; mock videos go on")] = False,  # noqa: FBT002 - a command line's flag
) -> None:
    """Refuse new videos from now on; running ones go on, and nothing is charged."""
    scope = PauseScope.REAL if real else PauseScope.ALL

    async def work(settings: Settings) -> int:
        try:
            async with open_database(settings) as database, database.transaction() as transaction:
                await pauses.begin(transaction, OPERATOR, scope, reason)
        except InvalidInput as error:
            typer.echo(error, err=True)
            return 1
        typer.echo(f"New {'real ' if real else ''}videos are refused until `lookreel resume`.")
        return 0

    sys.exit(run_process(work))


def resume() -> None:
    """End every pause."""

    async def work(settings: Settings) -> None:
        async with open_database(settings) as database, database.transaction() as transaction:
            ended = await pauses.end(transaction, OPERATOR)
        typer.echo("New videos are accepted again." if ended else "Nothing was paused.")

    sys.exit(run_process(work))
