"""Which parts there are and how they fit: the only module that chooses implementations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.engine import make_url

from app.databases import database_url
from app.settings import InvalidSettings, Settings
from auth.caller import Caller
from auth.tokens import Authenticator
from db import migrations
from db.session import Database
from providers.cloudinary_storage import CloudinaryStorage
from providers.local_storage import LocalStorage
from providers.storages import Storages
from resolvers.accounts import open_account

REMEMBERED_CALLERS = 10_000


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """Yield the database. The embedded one is migrated here; any other waits for `lookreel migrate`."""
    with database_url(settings) as url:
        database = Database(url, pool_size=settings.database_pool_size)
        if settings.database_url is None and not await migrations.is_current(database.url):
            await migrations.upgrade(database.url)
        try:
            yield database
        finally:
            await database.close()


async def migrate(settings: Settings) -> None:
    """Bring the configured database up to date."""
    with database_url(settings) as url:
        await migrations.upgrade(make_url(url).set(drivername="postgresql+asyncpg"))


class Gate:
    """Lets callers in: a believed token, an active account, and a row for it made on first sight."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._authenticator = Authenticator(settings.token_policy())
        self._database = database
        self._seen: set[Caller] = set()

    async def admit(self, authorization: str | None) -> Caller:
        """Return the caller of an `Authorization` header.

        Raises:
            auth.errors.AccessDenied

        """
        caller = await self._authenticator.authenticate(authorization)
        caller.require_active()
        if caller not in self._seen:
            async with self._database.transaction() as session:
                await open_account(session, caller)
            if len(self._seen) >= REMEMBERED_CALLERS:
                self._seen.clear()
            self._seen.add(caller)
        return caller


def open_storages(settings: Settings) -> Storages:
    """Return where files go; those of an earlier configuration are still found.

    Raises:
        InvalidSettings: CLOUDINARY_URL cannot be understood.

    """
    local = LocalStorage(settings.media_folder)
    if settings.cloudinary_url is None:
        return Storages([local])
    try:
        return Storages([CloudinaryStorage(settings.cloudinary_url), local])
    except ValueError as error:
        raise InvalidSettings(str(error)) from None
