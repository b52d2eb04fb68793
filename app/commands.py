"""All commands, as `python -m app.commands`; `lookreel` comes by here for whatever it does not do at once."""

import os
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated

import typer

from app import demo as demonstration
from app import sample as samples
from app.process import run_process
from app.serve_command import serve
from app.settings import Settings
from app.wiring import migrate as migrate_database
from app.wiring import open_database
from auth.caller import Caller, Role
from auth.tokens import sign, user_id_of
from db.session import Session
from resolvers import accounts
from resolvers.errors import Refusal

app = typer.Typer(
    help="Lookreel: AI video generation for fashion looks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

Email = Annotated[str, typer.Option(help="Whose account; the same address is always the same user")]


app.command()(serve)


@app.command()
def worker() -> None:
    """Run a worker alone, beside any number of others."""
    _become("app.worker")


@app.command()
def migrate() -> None:
    """Bring the database up to date."""
    _exit_with(migrate_database)


@app.command()
def token(
    email: Email,
    user_id: Annotated[str | None, typer.Option(help="The user's id, instead of the one that the address has")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="Let the bearer see and do what is not their own")] = False,  # noqa: FBT002 - a command line's flag
    expires: Annotated[str, typer.Option(help="How long it is valid, such as 90m, 12h or 1d")] = "1d",
) -> None:
    """Print a token for the API on the last line."""

    async def work(settings: Settings, session: Session) -> str:
        caller = await accounts.account_for_email(session, email)
        caller = Caller(
            user_id=caller.user_id if user_id is None else user_id_of(user_id, settings.jwt_issuer or ""),
            email=caller.email,
            role=Role.ADMIN if admin else Role.USER,
        )
        await accounts.open_account(session, caller)
        return sign(settings.token_policy(), caller, _duration(expires))

    _exit_with(_printing(work))


@app.command()
def grant(email: Email, tokens: Annotated[int, typer.Option(help="How many tokens to add")]) -> None:
    """Top up an account through the ledger; print the new balance."""

    async def work(_settings: Settings, session: Session) -> str:
        caller = await accounts.account_for_email(session, email)
        return str(await accounts.grant(session, caller, tokens))

    _exit_with(_printing(work))


@app.command()
def sample(email: Email) -> None:
    """Give a user a look to try things with; print its id on the last line."""

    async def work(settings: Settings, session: Session) -> str:
        caller = await accounts.account_for_email(session, email)
        await accounts.open_account(session, caller)
        return str((await samples.sample_look(session, caller, settings.media_folder)).id)

    _exit_with(_printing(work))


@app.command()
def demo() -> None:
    """Generate a mock video for a sample look and show it happening; leaves nothing running."""
    _exit_with(demonstration.run)


@app.command()
def doctor() -> None:
    """Look at everything that the installation needs, and say what is wrong and what to do about it."""
    _become("app.doctor")


def main() -> None:
    """Run the command line."""
    app(prog_name="lookreel")


def _become(module: str) -> None:
    """Go on as `python -m module`: what only that needs, Google's SDK above all, is not loaded by other commands."""
    os.execv(sys.executable, [sys.executable, "-m", module])  # noqa: S606 - no shell is wanted


def _exit_with(work: Callable[[Settings], Awaitable[int | None]]) -> None:
    sys.exit(run_process(work))


def _printing(work: Callable[[Settings, Session], Awaitable[str]]) -> Callable[[Settings], Awaitable[int]]:
    """Wrap a command that is one transaction and prints one line, or says on stderr why it was refused."""

    async def run(settings: Settings) -> int:
        try:
            async with open_database(settings) as database, database.transaction() as session:
                line = await work(settings, session)
        except (Refusal, ValueError) as error:
            typer.echo(error, err=True)
            return 1
        typer.echo(line)
        return 0

    return run


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a duration: write a number and s, m, h, d or w, such as 12h")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


if __name__ == "__main__":
    main()
