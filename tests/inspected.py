"""The database as tests and benchmarks look at it: through SQLAlchemy's sessions, which the product does not use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import URL, make_url
from sqlalchemy.event import listen
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from app.process import database_url
from app.settings import Settings
from db import migrations
from db.engine.database import Database
from db.engine.limits import UNLIMITED


class InspectedDatabase(Database):
    """A database with a second way to it, so that what the product wrote is not read by the product alone."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        connect = partial(self.server.connect, UNLIMITED)
        self._sessions = create_async_engine(
            "postgresql+asyncpg://", async_creator=connect, pool_size=5, max_overflow=0
        )
        listen(self._sessions.sync_engine.pool, "checkout", _replace_closed)

    @property
    def url(self) -> URL:
        return make_url(self.server.url)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Commit what happens inside, or none of it."""
        async with AsyncSession(self._sessions, expire_on_commit=False) as session, session.begin():
            yield session

    @asynccontextmanager
    async def beside(self, revision: str | None = None) -> AsyncIterator["InspectedDatabase"]:
        """Make another database on the same server, empty or migrated to a revision; drop it afterwards."""
        url = self.url.set(database=f"beside_{uuid4().hex}")
        async with self.raw_connection() as connection:
            await connection.execute(f"CREATE DATABASE {url.database}")
            database = InspectedDatabase(url.render_as_string(hide_password=False))
            try:
                if revision is not None:
                    await migrations.upgrade(database.server.url, revision)
                yield database
            finally:
                await database.close()
                await connection.execute(f"DROP DATABASE {url.database} WITH (FORCE)")

    async def close(self) -> None:
        """Close every connection."""
        await self._sessions.dispose()
        await super().close()


def _replace_closed(connection: Any, *_: object) -> None:
    """Have the pool open another connection where this one was lost; to ask the server would double what a read costs.

    Raises DisconnectionError.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError


@asynccontextmanager
async def inspected(settings: Settings) -> AsyncIterator[InspectedDatabase]:
    """Yield the database that others have migrated, or are about to."""
    with database_url(settings) as url:
        database = InspectedDatabase(url)
        try:
            yield database
        finally:
            await database.close()
