"""What an installation with the embedded database is, as a folder: the database, the media, the secrets of its own.

It can be restored as such a one, or into the empty database of a server.
"""

import fcntl
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from os.path import realpath
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from app.process import database_url
from app.settings import Settings
from db import migrations, revisions, transfer
from db.embedded.dumps import dump, load
from db.embedded.dumps import revisions as dumped_revisions
from db.embedded.guardian import PGDATA, USERS_LOCK, lock_file, stop_server, try_lock
from db.embedded.server import embedded_server
from db.engine.database import Database

DUMP = "database.dump"
MEDIA = "media"
RESTORING = ".restoring-"
UNFINISHED = ".lookreel-backup-"
WRITING = ".being-written"
SECRETS = ("jwt-secret", "media-secret")
NOT_EMBEDDED = (
    "This is for the embedded database. DATABASE_URL is set: copy that database with its own tools, such as pg_dump."
)


class BackupRefused(Exception):
    """Nothing was written; the message says why."""


async def back_up(settings: Settings, folder: Path) -> None:
    """Write everything into a new folder, which is there when it is whole; the service may go on meanwhile.

    Raises BackupRefused, EmbeddedServerUnavailable, DatabaseUnavailable.
    """
    _require_copyable(settings, folder)
    with _made(folder) as new, database_url(settings) as url:
        async with _opened(url) as database:
            await revisions.require(database.reader)
        # Before the database and after it: what a row names may have come, or may be gone, while it was read.
        _copy(settings.media_folder, new / MEDIA)
        dump(settings.data_dir, url, new / DUMP)
        _copy(settings.media_folder, new / MEDIA)
        _copy_secrets(settings.data_dir, new)


async def restore(settings: Settings, folder: Path) -> None:
    """Fill an empty installation from such a folder; of an embedded one, newer migrations follow at the next start.

    Raises BackupRefused, EmbeddedServerUnavailable, DatabaseUnavailable.
    """
    if not (folder / DUMP).is_file():
        raise BackupRefused(f"{folder} is no backup: there is no {DUMP} in it.")
    if dumped_revisions(folder / DUMP) - revisions.KNOWN:
        raise BackupRefused(f"{folder} is a newer release's. Restore it by that one.")
    _remove_killed(settings.data_dir)
    with database_url(settings) as url:
        await _require_empty(settings, url)
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        _copy(folder / MEDIA, settings.media_folder)
        _copy_secrets(folder, settings.data_dir)
        if settings.database_url is None:
            load(settings.data_dir, url, folder / DUMP)
        else:
            await _load_into_server(settings.data_dir, folder / DUMP, url)


async def _load_into_server(data_dir: Path, file: Path, url: str) -> None:
    """Load the dump into an embedded server, which can; bring it up to date, and copy the rows from there."""
    with TemporaryDirectory(prefix=RESTORING, dir=data_dir, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with embedded_server(folder) as source:
            load(folder, source, file)
            await migrations.upgrade(source)
            await migrations.upgrade(url)
            await transfer.copy_rows(source, url, folder)


def _remove_killed(data_dir: Path) -> None:
    """Remove the databases that killed restores have left; waits for one that is still in use."""
    # The server was started by its whole path, and is found by it.
    for folder in data_dir.expanduser().resolve().glob(f"{RESTORING}*"):
        with lock_file(folder / USERS_LOCK) as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            stop_server(folder / PGDATA)
            shutil.rmtree(folder, ignore_errors=True)


def _require_copyable(settings: Settings, folder: Path) -> None:
    if settings.database_url is not None:
        raise BackupRefused(NOT_EMBEDDED)
    # What leads in circles is no error here.
    if Path(realpath(folder)).is_relative_to(realpath(settings.media_folder)):
        raise BackupRefused(f"{folder} is among the media, and would be copied into itself. Name another folder.")


async def _require_empty(settings: Settings, url: str) -> None:
    async with _opened(url) as database:
        there = await revisions.applied(database.reader)
    if there and settings.database_url is None:
        raise BackupRefused(f"There is a database in {settings.data_dir}. Choose another DATA_DIR.")
    if there and there != revisions.HEADS:
        raise BackupRefused("The database of DATABASE_URL is another release's. Choose one that is empty.")
    if there and (table := await transfer.filled_table(url)):
        raise BackupRefused(f"The database of DATABASE_URL has rows in {table}. Choose one that is empty.")


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    """Yield the database as it is: what is older is not migrated."""
    database = Database(url, pool_size=2)
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def _made(folder: Path) -> Iterator[Path]:
    """Yield a folder that gets its name once it is whole; nobody else may read it."""
    if folder.exists():
        raise BackupRefused(f"{folder} is there already. Name a folder that is not.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_unfinished(folder.parent)
        new = Path(mkdtemp(prefix=UNFINISHED, dir=folder.parent))
        try:
            with lock_file(new / WRITING) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield new
                new.rename(folder)
                (folder / WRITING).unlink()
        finally:
            shutil.rmtree(new, ignore_errors=True)
    except OSError as error:
        name = error.filename2 or error.filename or folder  # a copy's comes second
        raise BackupRefused(f"{name} cannot be written: {error.strerror}") from error


def _remove_unfinished(parent: Path) -> None:
    """Remove what killed backups have left beside the new one; nobody holds the lock of such."""
    for file in parent.glob(f"{UNFINISHED}*/{WRITING}"):
        with suppress(OSError), lock_file(file) as lock:  # ours alone; another may be at it
            if try_lock(lock, fcntl.LOCK_EX):
                shutil.rmtree(file.parent, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """Copy what is not there yet, or not whole; files that go meanwhile are left out."""
    for file in source.rglob("*"):
        copy = target / file.relative_to(source)
        with suppress(FileNotFoundError):
            if file.is_file() and not (copy.exists() and copy.stat().st_size == file.stat().st_size):
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, copy)


def _copy_secrets(source: Path, target: Path) -> None:
    for secret in filter(Path.is_file, (source / name for name in SECRETS)):
        copy = target / secret.name
        copy.unlink(missing_ok=True)
        copy.touch(mode=0o600)
        copy.write_text(secret.read_text())
