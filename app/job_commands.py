"""`lookreel jobs` and `lookreel queue`: what an operator sees of the work, and does about it."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import UTC
from typing import Annotated

import typer

from app.command_lines import Choice, Code, DryRun, Email, Ids, Limit, Model, Newer, Older, Status, UserId, exit_with
from app.registry import catalogue
from app.settings import Settings
from app.wiring import open_storages
from auth.errors import AccountNotActive
from db import fleet, pauses, submission_pace
from db.engine.database import Database
from db.enums import ACTIVE_STATUSES, VideoJobStatus
from db.video_jobs import VideoJobRow
from resolvers import bulk, video_jobs
from resolvers.audit import OPERATOR
from resolvers.errors import Refusal, VideoJobNotFound
from resolvers.services import Services
from resolvers.texts import uuid_or

jobs = typer.Typer(no_args_is_help=True, help="Look at jobs, cancel them, create failed ones anew.")


@jobs.command(name="list")
def list_jobs(  # noqa: PLR0913, PLR0917 - a command line's options
    status: Status = None,
    email: Email = None,
    user_id: UserId = None,
    code: Code = None,
    model: Model = None,
    older: Older = None,
    newer: Newer = None,
    limit: Limit = 50,
) -> None:
    """List jobs, newest first: id, status, why it failed, when it was created, model, user."""
    choice = Choice([], status, email, user_id, code, model, older, newer)

    async def work(settings: Settings, database: Database) -> None:
        for job in await choice.found(settings, database, limit):
            typer.echo(_line(job))

    exit_with(work)


@jobs.command()
def show(job_id: Annotated[str, typer.Argument(help="Which job")]) -> None:
    """Show all of one job but its prompt, and its log."""

    async def work(_settings: Settings, database: Database) -> None:
        job = await video_jobs.get(database.reader, OPERATOR, uuid_or(job_id, VideoJobNotFound))
        for name in type(job).columns():
            if name != "prompt" and getattr(job, name) is not None:
                typer.echo(f"{name:<24} {getattr(job, name)}")
        for line in (await video_jobs.logs_by_job(database.reader, [job.id])).get(job.id, []):
            typer.echo(f"{line.timestamp.astimezone(UTC):%Y-%m-%d %H:%M:%S} {line.level:<7} {line.message}")

    exit_with(work)


@jobs.command()
def cancel(  # noqa: PLR0913, PLR0917 - as above
    ids: Ids = None,
    status: Status = None,
    email: Email = None,
    user_id: UserId = None,
    model: Model = None,
    older: Older = None,
    newer: Newer = None,
    limit: Limit = 1000,
    dry_run: DryRun = False,  # noqa: FBT002 - a command line's flag
) -> None:
    """End jobs that have not ended, as their owners would; of those that were not sent, the tokens come back."""
    choice = Choice(ids or [], status, email, user_id, None, model, older, newer)

    async def one(database: Database, job: VideoJobRow) -> str:
        async with database.transaction() as transaction:
            return (await video_jobs.cancel(transaction, OPERATOR, job.id)).status

    async def work(settings: Settings, database: Database) -> int:
        chosen = await choice.required().found(settings, database, limit, ACTIVE_STATUSES)
        return await _each(chosen, lambda job: one(database, job), dry_run=dry_run)

    exit_with(work)


@jobs.command()
def retry(  # noqa: PLR0913, PLR0917 - as above
    ids: Ids = None,
    email: Email = None,
    user_id: UserId = None,
    code: Code = None,
    model: Model = None,
    older: Older = None,
    newer: Newer = None,
    limit: Limit = 1000,
    dry_run: DryRun = False,  # noqa: FBT002 - as above
) -> None:
    """Create failed jobs anew for their owners, who pay for them as for any; each once within a day."""
    choice = Choice(ids or [], None, email, user_id, code, model, older, newer)

    async def work(settings: Settings, database: Database) -> int:
        storage = open_storages(settings)
        services = Services(database, storage, catalogue(settings))

        async def one(job: VideoJobRow) -> str:
            return f"is made anew as {await bulk.retry(services, OPERATOR, job, None)}"

        chosen = await choice.required().found(settings, database, limit, (VideoJobStatus.FAILED,))
        async with aclosing(storage):
            return await _each(chosen, one, dry_run=dry_run)

    exit_with(work)


def queue_state() -> None:
    """Show how long the queue is, how old, who works on it, and what holds it up."""

    async def work(_settings: Settings, database: Database) -> None:
        found = await fleet.figures(database.reader)
        typer.echo(f"waiting   {found.pending}, the oldest for {found.oldest_pending_seconds:.0f} s")
        typer.echo(f"taken     {found.picked}")
        typer.echo(f"workers   {found.workers_alive} alive")
        typer.echo(f"jobs      {found.pending} PENDING, {found.running} RUNNING")
        for provider, reason in (await submission_pace.troubles(database.reader)).items():
            typer.echo(f"refused   by {provider}: {reason}")
        for pause in await pauses.current(database.reader):
            typer.echo(f"paused    {pause.scope}: {pause.reason}")

    exit_with(work)


async def _each(jobs: Sequence[VideoJobRow], do: Callable[[VideoJobRow], Awaitable[str]], *, dry_run: bool) -> int:
    """Do it to each job by itself; return 1 where one was refused."""
    refused = 0
    for job in jobs:
        if dry_run:
            typer.echo(_line(job))
            continue
        try:
            typer.echo(f"{job.id} {await do(job)}")
        except (Refusal, AccountNotActive) as refusal:
            refused += 1
            typer.echo(f"{job.id} {refusal}", err=True)
    typer.echo(f"{len(jobs)} jobs{', nothing was done' if dry_run else f', {refused} refused'}", err=True)
    return 1 if refused else 0


def _line(job: VideoJobRow) -> str:
    created = f"{job.created_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return f"{job.id} {job.status:<9} {job.error_code or '-':<22} {created} {job.model} {job.user_id}"
