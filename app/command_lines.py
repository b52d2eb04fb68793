"""Which accounts and jobs a command line means, and how a command works on them in the database."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, NoReturn
from uuid import UUID

import typer

from app.process import run_process
from app.setting_types import duration, number
from app.settings import Settings
from app.wiring import open_database
from auth.caller import Caller
from auth.tokens import user_id_of
from db import accounts as rows
from db import revisions
from db.engine.database import Database
from db.engine.statements import Reader
from db.enums import VideoJobStatus
from db.video_job_lists import VideoJobFilter
from db.video_jobs import VideoJobRow
from resolvers import accounts
from resolvers.errors import InvalidInput, Refusal
from resolvers.texts import NOBODYS, id_or_nothing

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


AnyEmail = Annotated[str | None, typer.Option(help="The account's address; or give --user-id")]
AnyUserId = Annotated[str | None, typer.Option(help="The user's id, where it is not the one that the address has")]


def subject(settings: Settings, user_id: str | None) -> UUID | None:
    """Read an id as a token's subject is read; raises ValueError."""
    return None if user_id is None else user_id_of(user_id, settings.jwt_issuer or "")


async def account_of(settings: Settings, reader: Reader, email: str | None, user_id: str | None) -> Caller:
    """Return whose account is meant, which is there; raises InvalidInput, ValueError."""
    known = subject(settings, user_id)
    if email is not None:
        caller = await accounts.account_for_email(reader, email, known)
        account = await accounts.find_account(reader, caller)
    elif known is not None:
        caller = Caller(known, None)
        account = await rows.get(reader, known)
    else:
        raise InvalidInput("Say whose account it is: --email or --user-id")
    if account is None:
        raise InvalidInput(f"There is no account of {caller.email or caller.user_id}.")
    return caller


MOST = 10_000

Ids = Annotated[list[str] | None, typer.Argument(help="Which jobs; or choose them by options")]
Status = Annotated[VideoJobStatus | None, typer.Option(help="Those of this status", case_sensitive=False)]
Email = Annotated[str | None, typer.Option(help="Those of this account")]
UserId = Annotated[str | None, typer.Option(help="Those of this user")]
Code = Annotated[str | None, typer.Option(help="Those that failed as this, such as GENERATION_TIMED_OUT")]
Model = Annotated[str | None, typer.Option(help="Those of this model")]
Older = Annotated[str | None, typer.Option(help="Those created longer ago, such as 30m, 12h or 1d")]
Newer = Annotated[str | None, typer.Option(help="Those created since, such as 30m, 12h or 1d")]
Limit = Annotated[int, typer.Option(parser=number(int, 1, MOST), help="How many at most, newest first")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only list the jobs that are meant")]


@dataclass(frozen=True)
class Choice:
    """What stands on the command line; of several options, a job has to fit all."""

    ids: list[str]
    status: VideoJobStatus | None
    email: str | None
    user_id: str | None
    code: str | None
    model: str | None
    older: str | None
    newer: str | None

    def required(self) -> "Choice":
        """Return it unless it means all jobs there are; raises InvalidInput."""
        if not any(vars(self).values()):
            raise InvalidInput("Say which jobs: by their ids, or by options such as --user-id and --older")
        return self

    async def found(
        self, settings: Settings, database: Database, limit: int, statuses: tuple[VideoJobStatus, ...] = ()
    ) -> Sequence[VideoJobRow]:
        """Return the jobs, newest first, of `statuses` where nothing else is said; those named by id whatever theirs.

        Raises InvalidInput, ValueError.
        """
        named = {text: id_or_nothing(text) or NOBODYS for text in self.ids}
        ids = tuple(dict.fromkeys(named.values()))
        wanted = VideoJobFilter(
            ids=ids or None,
            statuses=(self.status,) if self.status else (None if ids else statuses or None),
            user_id=await self._user(settings, database),
            error_codes=None if self.code is None else (self.code,),
            model=self.model,
            created_before=_ago(self.older),
            created_after=_ago(self.newer),
        )
        found = await wanted.page(database.reader, first=max(limit, len(ids)))
        if missing := set(ids) - {job.id for job in found.rows}:
            texts = ", ".join(text for text, id_ in named.items() if id_ in missing)
            raise InvalidInput(f"There are no such video jobs: {texts}. Nothing was done.")
        return found.rows

    async def _user(self, settings: Settings, database: Database) -> UUID | None:
        if self.email is None and self.user_id is None:
            return None
        return (await account_of(settings, database.reader, self.email, self.user_id)).user_id


def _ago(text: str | None) -> datetime | None:
    return None if text is None else datetime.now(UTC) - duration(text)
