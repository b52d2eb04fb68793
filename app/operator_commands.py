"""`lookreel pause`, `resume`, `policy`, `backup` and `restore`: what an operator decides and keeps."""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from app import backups
from app.environment import InvalidSettings, read_settings
from app.policy_file import InvalidPolicy, as_toml, read_policy
from app.process import run_process
from app.registry import policy_warnings
from app.settings import Settings
from app.supervisor import EX_CONFIG
from app.wiring import open_database
from db.enums import PauseScope
from resolvers import pauses
from resolvers.audit import OPERATOR
from resolvers.errors import InvalidInput
from resolvers.policy import Policy


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


File = Annotated[Path | None, typer.Option("--check", help="Say what is wrong with this file instead", metavar="FILE")]


def policy(check: File = None) -> None:
    """Print the whole policy as a file, whether it is from POLICY_FILE or built in."""
    if check is None:
        sys.exit(run_process(_print))
    try:
        read = read_policy(check)
    except InvalidPolicy as error:
        typer.echo(error, err=True)
        sys.exit(EX_CONFIG)
    # As at the start with it: what is wrong with the file that is in force now is another question.
    os.environ["POLICY_FILE"] = str(check)
    _warn(read_settings, read, check)
    typer.echo(f"{check} is good. It takes effect with POLICY_FILE={check} at the next start of every process.")


async def _print(settings: Settings) -> None:
    _warn(lambda: settings, settings.policy(), settings.policy_file)
    typer.echo(as_toml(settings.policy()))


def _warn(settings: Callable[[], Settings], policy: Policy, file: object) -> None:
    try:
        for warning in policy_warnings(settings(), policy):
            typer.echo(f"Warning: {file}: {warning}", err=True)
    except InvalidSettings as error:
        typer.echo(f"Warning: models are not looked at: {error}", err=True)


Folder = Annotated[Path, typer.Argument(help="The backup's folder", metavar="DIR")]


def backup(folder: Folder) -> None:
    """Write the embedded database, its media and its secrets into a new folder; the service may go on meanwhile."""
    _exit_with(folder, backups.back_up, f"Everything is in {folder}. It has secrets in it.")


def restore(folder: Folder) -> None:
    """Fill an empty DATA_DIR, or an empty database at DATABASE_URL, from a backup; nothing else may use it then."""
    _exit_with(folder, backups.restore, f"{folder} has been restored. Start Lookreel.")


def _exit_with(folder: Path, work: Callable[[Settings, Path], Awaitable[None]], said: str) -> None:
    async def run(settings: Settings) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _end)
        try:
            await work(settings, folder)
        except backups.BackupRefused as refusal:
            typer.echo(refusal, err=True)
            return 1
        except OSError as error:
            typer.echo(f"{error.filename2 or error.filename or folder}: {error.strerror or error}", err=True)
            return 1
        typer.echo(said)
        return 0

    sys.exit(run_process(run))


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    """End at once, whatever is waited for, but as an exception does: what is half there is removed."""
    sys.exit(128 + number)
