"""All that belongs to one account: read out for its owner, and removed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar
from uuid import UUID

from auth.caller import AccountStatus, Caller
from db import accounts as rows
from db import ledger, look_videos, looks, video_jobs
from db.accounts import UserFilter
from db.engine.database import Database
from db.engine.paging import Position, Selection
from db.engine.statements import Reader, Row
from db.enums import AuditAction
from db.ledger import Ledger
from db.looks import LookList, LookView
from db.video_job_lists import VideoJobFilter
from resolvers import accounts, look_images
from resolvers import video_jobs as job_rules
from resolvers.audit import OPERATOR, Act, record
from resolvers.authentication import READ_SECONDS
from resolvers.errors import UserNotFound

PAGE = 100
# All processes know by then that the account is suspended.
KNOWN_SECONDS = 3 * READ_SECONDS

Listed = TypeVar("Listed", bound=Row)


async def everything(reader: Reader, user_id: UUID) -> AsyncIterator[tuple[str, Row]]:
    """Yield the account, its looks with what is in them, its jobs with their logs, and its ledger, each by its type.

    Raises UserNotFound.
    """
    account = await UserFilter(user_id=user_id).page(reader, first=1)
    if not account.rows:
        raise UserNotFound("userId")
    yield "account", account.rows[0]
    async for some in _pages(reader, LookList(LookView.MY_PRIVATE, user_id)):
        ids = [look.id for look in some]
        for kind, parts in (
            ("look", some),
            ("product", await looks.products_of(reader, ids)),
            ("look_share", await looks.shares_of(reader, ids)),
            ("look_video", await look_videos.of_looks(reader, ids)),
        ):
            for part in parts:
                yield kind, part
    async for jobs in _pages(reader, VideoJobFilter(user_id=user_id)):
        for job in jobs:
            yield "video_job", job
        for line in await video_jobs.logs_of(reader, [job.id for job in jobs]):
            yield "video_job_log", line
    async for entries in _pages(reader, Ledger(user_id)):
        for entry in entries:
            yield "token_transaction", entry


async def remove(database: Database, user_id: UUID) -> tuple[int, int]:
    """Lock an account out for good, and remove its jobs, its looks, their files, its address and its name.

    Each job and look goes as if its owner had deleted it; what was not sent yet is paid back. The account's row and its
    ledger stay, as the books need them, and name nobody. May be repeated where it was broken off.

    Return how many jobs and looks have gone. Raises UserNotFound.
    """
    owner = Caller(user_id, None)
    async with database.transaction() as transaction:
        await accounts.set_as_operator(transaction, owner, AccountStatus.SUSPENDED)
    await asyncio.sleep(KNOWN_SECONDS)
    jobs = gone = 0
    wanted = VideoJobFilter(user_id=user_id)
    while found := (await wanted.page(database.reader, first=PAGE)).rows:
        for job in found:
            async with database.transaction() as transaction:
                await job_rules.delete(transaction, owner, job.id)
        jobs += len(found)
    own = LookList(LookView.MY_PRIVATE, user_id)
    while some := (await own.page(database.reader, first=PAGE)).rows:
        for look in some:
            await look_images.delete(database, owner, look.id)
        gone += len(some)
    async with database.transaction() as transaction:
        await ledger.forget(transaction, user_id)
        await rows.forget(transaction, user_id)
        details = f"Removed with {jobs} video jobs and {gone} looks"
        await record(transaction, OPERATOR, Act(AuditAction.SET_STATUS, user_id, details=details))
    return jobs, gone


async def _pages(reader: Reader, wanted: Selection[Listed]) -> AsyncIterator[Sequence[Listed]]:
    """Yield all rows of a list, a page at a time; each row has `created_at` and `id`."""
    after: Position | None = None
    while True:
        page = await wanted.page(reader, first=PAGE, after=after)
        if page.rows:
            yield page.rows
            last = page.rows[-1]
            after = Position(last["created_at"], last["id"])
        if not page.has_next:
            return
