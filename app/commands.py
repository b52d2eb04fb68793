"""All commands, loaded by `app.launch`; `lookreel` comes by here for whatever it does not do at once."""

import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from importlib import metadata
from typing import Annotated, NoReturn
from uuid import UUID

import typer

from app import account_commands, web_files
from app import demo as demonstration
from app.command_lines import AnyEmail, AnyUserId, account_of, exit_with, subject
from app.demo_user import sample_look
from app.job_commands import jobs, queue_state
from app.operator_commands import backup, pause, policy, restore, resume
from app.process import run_process, run_program
from app.serve import serve_command
from app.setting_types import duration, is_utf8, number
from app.settings import Settings
from app.wiring import migrate as migrate_database
from app.wiring import pending_migrations
from auth.caller import AccountStatus, Caller, Role
from auth.tokens import sign
from db import accounts as rows
from db.engine.database import Database
from db.engine.statements import Writer
from db.enums import AuditAction
from resolvers import accounts
from resolvers.audit import Act, record
from resolvers.errors import InvalidInput
from resolvers.tokens import Order, grant_as_operator

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

# What Typer ends with where a command line makes no sense.
EX_USAGE = 2
Email = Annotated[str, typer.Option(help="Whose account; the same address is always the same user")]
Check = Annotated[bool, typer.Option("--check", help="Only list what would be done; 1 where that is anything")]
Wait = Annotated[
    float,
    typer.Option(
        parser=number(float, 0, 3600), help="For how many seconds to try again where something else uses a table"
    ),
]


app.command(name="serve")(serve_command)
app.command()(policy)
app.command()(pause)
app.command()(resume)
app.command(name="queue")(queue_state)
app.command()(backup)
app.command()(restore)
app.add_typer(jobs, name="jobs")


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it
    if wanted:
        typer.echo(f"lookreel {metadata.version('lookreel')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True)] = False,  # noqa: FBT002 - a command line's flag, whose callback has done everything
) -> None:
    """Lookreel: AI video generation for fashion looks."""


@app.command()
def worker() -> None:
    """Run a worker alone, beside any number of others."""
    _become("app.launch", "app.worker")


@app.command()
def migrate(check: Check = False, wait: Wait = 60) -> None:  # noqa: FBT002 - a command line's flag
    """Bring the database up to date."""
    sys.exit(run_process(_pending_migrations if check else partial(migrate_database, wait_seconds=wait)))


@app.command()
def token(
    email: Email,
    user_id: AnyUserId = None,
    admin: Annotated[bool, typer.Option("--admin", help="Let the bearer see and do what is not their own")] = False,  # noqa: FBT002 - a command line's flag
    expires: Annotated[str, typer.Option(help="How long it is valid, such as 90m, 12h or 1d")] = "1d",
) -> None:
    """Print a token for the API on the last line; the account is made where there is none."""

    async def work(settings: Settings, transaction: Writer) -> tuple[str, str]:
        lifetime = duration(expires)
        caller, note = await _opened(settings, transaction, email, user_id)
        if admin:
            caller = replace(caller, role=Role.ADMIN)
        what = Act(AuditAction.ISSUE_TOKEN, caller.user_id, details=f"Role {caller.role}, valid for {expires}")
        await record(transaction, None, what)
        return sign(settings.token_policy(), caller, lifetime), note

    _print_from(work)


@app.command()
def grant(  # noqa: PLR0913, PLR0917 - a command line's options
    email: Email,
    tokens: Annotated[int, typer.Option(parser=number(int), help="How many tokens to add")],
    user_id: AnyUserId = None,
    reason: Annotated[str | None, typer.Option(help="What for, as the account's owner reads it")] = None,
    reference: Annotated[
        str | None, typer.Option(help="Such as a payment's id: granted once, however often said")
    ] = None,
    create: Annotated[bool, typer.Option("--create", help="Make the account where there is none")] = False,  # noqa: FBT002 - as above
) -> None:
    """Top up an account through the ledger; print the new balance."""

    async def work(settings: Settings, transaction: Writer) -> tuple[int, str]:
        accounts.check_grant(tokens)
        caller = await accounts.account_for_email(transaction, email, subject(settings, user_id))
        is_new = await accounts.find_account(transaction, caller) is None
        if is_new and not create:
            raise InvalidInput(f"There is no account of {caller.email}. Check the address, or make one by --create.")
        order = Order(tokens, reason, reference)
        balance = await grant_as_operator(transaction, caller, order, settings.policy())
        return balance, _meant(caller, is_new=is_new)

    _print_from(work)


users = typer.Typer(no_args_is_help=True, help="Look at accounts, say which may act, export and remove them.")
app.add_typer(users, name="user")
users.command(name="list")(account_commands.list_accounts)
users.command()(account_commands.export)
users.command()(account_commands.remove)


@users.command()
def suspend(email: AnyEmail = None, user_id: AnyUserId = None) -> None:
    """Lock an account out within seconds, its open streams included, whatever its tokens say."""
    _change(email, user_id, partial(accounts.set_status_of, status=AccountStatus.SUSPENDED), "suspended")


@users.command()
def activate(email: AnyEmail = None, user_id: AnyUserId = None) -> None:
    """Let an account act again, where its tokens do."""
    _change(email, user_id, partial(accounts.set_status_of, status=AccountStatus.ACTIVE), "active")


@users.command(name="role")
def set_role(role: Role, email: AnyEmail = None, user_id: AnyUserId = None) -> None:
    """Make an account an admin's whatever its tokens say, or leave it to them again."""
    _change(email, user_id, partial(accounts.set_role_of, role=role), role)


@app.command()
def sample(email: Email, user_id: AnyUserId = None) -> None:
    """Give a user a look to try things with; print its id on the last line."""

    async def work(settings: Settings, transaction: Writer) -> tuple[UUID, str]:
        caller, note = await _opened(settings, transaction, email, user_id)
        return (await sample_look(transaction, caller, settings.media_folder)).id, note

    _print_from(work)


@app.command()
def demo(
    stay: Annotated[bool, typer.Option("--stay", help="Go on to serve until Ctrl-C")] = False,  # noqa: FBT002 - as above
) -> None:
    """Generate a mock video for a sample look and show it happening; leaves nothing running."""
    sys.exit(run_process(partial(demonstration.run, stay=stay)))


app.command()(web_files.web)


@app.command()
def doctor() -> None:
    """Look at everything that the installation needs, and say what is wrong and what to do about it."""
    _become("app.doctor")


def main() -> None:
    """Run the command line."""
    if not is_utf8("".join(sys.argv)):
        typer.echo("What stands on the command line is no text in UTF-8.", err=True)
        sys.exit(EX_USAGE)
    run_program(partial(app, prog_name="lookreel"))


def _become(*module: str) -> None:
    """Go on as another program: what only that needs, Google's SDK above all, is not loaded by other commands."""
    os.execv(sys.executable, [sys.executable, "-m", *module])  # noqa: S606 - no shell is wanted


async def _pending_migrations(settings: Settings) -> int:
    missing = await pending_migrations(settings)
    for revision in missing:
        typer.echo(revision)
    return 1 if missing else 0


def _change(
    email: str | None, user_id: str | None, change: Callable[[Writer, Caller], Awaitable[None]], now: str
) -> NoReturn:

    async def work(settings: Settings, database: Database) -> None:
        async with database.transaction() as transaction:
            caller = await account_of(settings, transaction, email, user_id)
            await change(transaction, caller)
        typer.echo(f"{caller.user_id} {now}")

    exit_with(work)


async def _opened(settings: Settings, transaction: Writer, email: str, user_id: str | None) -> tuple[Caller, str]:
    """Return who is meant, and what `_meant` says; the account is made where there is none."""
    caller = await accounts.account_for_email(transaction, email, subject(settings, user_id))
    is_new = await rows.get(transaction, caller.user_id) is None
    await accounts.get_or_create_account(transaction, caller, settings.policy())
    return caller, _meant(caller, is_new=is_new)


def _meant(caller: Caller, *, is_new: bool) -> str:
    """Say whose account it is: an address may be mistyped, and is what an identity provider has said of somebody."""
    return f"{'Made an account for' if is_new else 'The account of'} {caller.email}, {caller.user_id}."


def _print_from(work: Callable[[Settings, Writer], Awaitable[tuple[object, str]]]) -> NoReturn:
    """Do it in a transaction; once that is committed, print its result, and on stderr what else there is to say."""

    async def run(settings: Settings, database: Database) -> None:
        async with database.transaction() as transaction:
            result, note = await work(settings, transaction)
        typer.echo(note, err=True)
        typer.echo(result)

    exit_with(run)
