"""`lookreel backup` and `restore`, for an installation with the embedded database."""

import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from app import backups
from app.process import run_process
from app.settings import Settings

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
