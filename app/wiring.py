"""Which parts there are and how they fit: the only module that chooses implementations.

Parts that few processes need are loaded by name when one does (decision 16): Alembic, FFmpeg, and Cloudinary's SDK.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from app.environment import InvalidSettings
from app.process import database_url
from app.settings import Settings
from auth.signed_paths import PlainPaths, SignedPaths
from db import revisions
from db.engine.connections import Server
from db.engine.database import Database
from db.engine.errors import DatabaseUnavailable
from db.engine.limits import Limits, PoolerMode
from db.engine.poolers import honours_mode
from media.images import Image
from providers.local_disk.storage import LocalStorage
from providers.storages import Storages
from resolvers.ports import Storage

CLOSE_SECONDS = 3.0
DIRECT = "DATABASE_DIRECT_URL"


@asynccontextmanager
async def open_database(
    settings: Settings, application: str = "lookreel", *, wait_seconds: float | None = None
) -> AsyncIterator[Database]:
    """Yield the database. The embedded one is migrated here; any other waits for `lookreel migrate`.

    The server knows its connections by the application's name. `wait_seconds` is how long to wait for one of them,
    where not as long as requests do. Raises EmbeddedServerUnavailable, InvalidDatabaseUrl, DatabaseUnavailable.
    """
    with database_url(settings) as url:
        database = Database(
            settings.database_url or url,
            direct_url=url,
            mode=settings.database_pooler_mode,
            pool_size=settings.database_pool_size,
            wait_seconds=wait_seconds or settings.database_pool_timeout_seconds,
            limits=Limits(
                connect=settings.database_connect_timeout_seconds,
                statement=settings.database_statement_timeout_seconds,
                lock=settings.database_lock_timeout_seconds,
                idle_in_transaction=settings.database_idle_transaction_timeout_seconds,
            ),
            application_name=application,
        )
        try:
            if settings.database_url is None and not await revisions.are_applied(database.reader):
                await _by_alembic("upgrade", url)
            yield database
        finally:
            # A server that does not answer must not keep a process that is about to end.
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await database.close()


async def refusal_of(server: Server, name: str) -> str | None:
    """Say what is wrong with the pooler that the setting of that name leads to, and what to do; None where all is well.

    Raises DatabaseUnavailable.
    """
    if await honours_mode(server):
        return None
    if server.mode is PoolerMode.TRANSACTION:
        return (
            f"{name} leads to a pooler that loses prepared statements. Set its max_prepared_statements (PgBouncer 1.21 "
            "or newer), or DATABASE_POOLER_MODE to transaction-unnamed."
        )
    remedy = (
        "let it name PostgreSQL itself"
        if name == DIRECT
        else f"set DATABASE_POOLER_MODE to transaction or transaction-unnamed and {DIRECT} to PostgreSQL itself"
    )
    return (
        f"{name} leads to a pooler in transaction mode, which gives each transaction another session: set the pooler "
        f"to session mode for this user, or {remedy}."
    )


async def require_mode(database: Database) -> None:
    """Refuse to run where a pooler cannot do what the settings say; a database that is not there may still come.

    Raises InvalidSettings.
    """
    await require_honoured(database.pooled, "DATABASE_URL")
    if database.server.url != database.pooled.url:
        await require_honoured(database.server, DIRECT)


async def require_honoured(server: Server, name: str) -> None:
    """Refuse to run where what that setting leads to cannot do what its mode says; raises InvalidSettings."""
    try:
        refusal = await refusal_of(server, name)
    except DatabaseUnavailable:
        return
    if refusal:
        raise InvalidSettings(refusal)


async def migrate(settings: Settings, *, wait_seconds: float) -> None:
    """Bring the configured database up to date; for so long, try again where something else uses a table.

    Raises DatabaseUnavailable, DatabaseForeign, InvalidSettings.
    """
    with database_url(settings) as url:
        await require_honoured(Server(url), DIRECT if settings.database_direct_url else "DATABASE_URL")
        await _by_alembic("upgrade", url, wait_seconds=wait_seconds)


async def pending_migrations(settings: Settings) -> list[str]:
    """Return what `migrate` would do, a line for each revision; raises DatabaseUnavailable, DatabaseForeign."""
    with database_url(settings) as url:
        pending: list[str] = await _by_alembic("pending", url)
        return pending


async def migrate_look_videos(database: Database) -> bool:
    """Make the look_videos table; return whether it was this call that did."""
    is_ours: bool = await _by_alembic("upgrade_look_videos", database.server.url)
    return is_ours


def media_addresses(settings: Settings) -> PlainPaths:
    """Return how clients reach stored files."""
    return SignedPaths(settings.media_secrets()) if settings.media_urls == "signed" else PlainPaths()


def open_storages(settings: Settings) -> Storages:
    """Return where files go; those of an earlier configuration are still found.

    Raises InvalidSettings: CLOUDINARY_URL cannot be understood.
    """
    local = LocalStorage(settings.media_folder, _poster)
    if settings.cloudinary_url is None:
        return Storages([local])
    cloudinary: Callable[[str, str], Storage] = resolve_name("providers.cloudinary.storage:CloudinaryStorage")
    try:
        delivery = "authenticated" if settings.media_urls == "signed" else "upload"
        return Storages([cloudinary(settings.cloudinary_url, delivery), local])
    except ValueError as error:
        raise InvalidSettings(str(error)) from None


async def _by_alembic(name: str, url: str, **options: float) -> Any:  # noqa: ANN401 - each function's own
    function = await asyncio.to_thread(resolve_name, f"db.migrations:{name}")
    return await function(url, **options)


def _poster(video: Path) -> Image:
    poster: Callable[[Path], Image] = resolve_name("media.videos:poster")
    return poster(video)
