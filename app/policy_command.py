"""`lookreel policy`: what the owner has decided, and whether a file of it is good."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from app.environment import InvalidSettings, read_settings
from app.policy_file import InvalidPolicy, as_toml, read_policy
from app.process import run_process
from app.registry import policy_warnings
from app.settings import Settings
from app.supervisor import EX_CONFIG
from resolvers.policy import Policy

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
