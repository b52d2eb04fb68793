"""`lookreel user list`, `export` and `remove`: accounts, and all that is theirs."""

from datetime import UTC
from typing import Annotated

import orjson
import typer

from app.command_lines import MOST, AnyEmail, AnyUserId, account_of, exit_with
from app.setting_types import number
from app.settings import Settings
from auth.caller import AccountStatus, Role
from db.engine.database import Database
from resolvers import account_data, admin_lists
from resolvers.audit import OPERATOR
from resolvers.errors import InvalidInput


def list_accounts(
    search: Annotated[str | None, typer.Argument(help="An id, or a part of an address")] = None,
    tier: Annotated[str | None, typer.Option(help="Those of this tier")] = None,
    status: Annotated[AccountStatus | None, typer.Option(help="Those of this status", case_sensitive=False)] = None,
    role: Annotated[Role | None, typer.Option(help="Those of this role", case_sensitive=False)] = None,
    limit: Annotated[int, typer.Option(parser=number(int, 1, MOST), help="How many at most, newest first")] = 50,
) -> None:
    """List accounts, newest first: id, status, role, tier, balance, when it was made, number of videos, address."""

    async def work(_settings: Settings, database: Database) -> None:
        wanted = admin_lists.users(OPERATOR, search, tier=tier, status=status, role=role)
        found = (await wanted.page(database.reader, first=limit)).rows
        counts = await admin_lists.job_counts(database.reader, OPERATOR, [user.id for user in found])
        for user in found:
            made = f"{user.created_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
            videos = counts.get(user.id, 0)
            about = f"{user.status:<9} {user.role:<5} {user.tier:<10} {user.tokens:>9} {made} {videos:>6}"
            typer.echo(f"{user.id} {about} {user.email or '-'}")

    exit_with(work)


def export(email: AnyEmail = None, user_id: AnyUserId = None) -> None:
    """Write all that is an account's as lines of JSON, each with its `type`; files by their addresses."""

    async def work(settings: Settings, database: Database) -> None:
        caller = await account_of(settings, database.reader, email, user_id)
        async for kind, row in account_data.everything(database.reader, caller.user_id):
            typer.echo(orjson.dumps({"type": kind, **row}, default=str).decode())

    exit_with(work)


def remove(
    email: AnyEmail = None,
    user_id: AnyUserId = None,
    yes: Annotated[bool, typer.Option("--yes", help="Really do it: nothing brings it back")] = False,  # noqa: FBT002 - a command line's flag
) -> None:
    """Remove an account's looks, videos, files, address and name; its ledger stays, and nobody can sign in as it."""

    async def work(settings: Settings, database: Database) -> None:
        caller = await account_of(settings, database.reader, email, user_id)
        if not yes:
            raise InvalidInput(f"All of {caller.email or caller.user_id} would go for good: say --yes if it shall.")
        gone = await account_data.remove(database, caller.user_id)
        typer.echo(f"{caller.user_id} removed, with {gone.jobs} videos and {gone.looks} looks")

    exit_with(work)
