"""`lookreel policy`: what the owner has decided, and whether a file of it is good."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.policy_file import InvalidPolicy, as_toml, read_policy
from app.process import run_process
from app.settings import Settings
from app.supervisor import EX_CONFIG

File = Annotated[Path | None, typer.Option("--check", help="Say what is wrong with this file instead", metavar="FILE")]


def policy(check: File = None) -> None:
    """Print the whole policy as a file, whether it is from POLICY_FILE or built in."""
    if check is None:
        sys.exit(run_process(_print))
    try:
        read_policy(check)
    except InvalidPolicy as error:
        typer.echo(error, err=True)
        sys.exit(EX_CONFIG)
    typer.echo(f"{check} is good. It takes effect with POLICY_FILE={check} at the next start of every process.")


async def _print(settings: Settings) -> None:
    typer.echo(as_toml(settings.policy()))
