"""Workers in the tests' own process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import func, update

from app.settings import Settings
from app.worker import open_worker_context
from db.engine.database import Database
from db.tables import FileRemoval
from tests.house import House, eventually
from worker.context import WorkerContext
from worker.service import work


@asynccontextmanager
async def at_work(settings: Settings, database: Database, **changes: Any) -> AsyncIterator[WorkerContext]:
    """Run a worker as its process would, with some of the context's parts exchanged; stop it in the end."""
    async with open_worker_context(settings, database) as context:
        working = replace(context, **changes)
        task = asyncio.create_task(work(working))
        try:
            yield working
        finally:
            working.stopping.set()
            await task


async def files_are_removed(house: House) -> None:
    """Let a worker remove the files that are to go, which takes it a moment."""
    async with at_work(house.settings, house.database):
        due = FileRemoval.due_at <= func.now()
        await eventually(lambda: house.count(due, table=FileRemoval), lambda rows: rows == 0)


async def all_are_due(house: House) -> None:
    """Let the time come at which files are to go."""
    async with house.database.session() as session:
        await session.execute(update(FileRemoval).values(due_at=func.now()))
