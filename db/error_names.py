"""From what SQLAlchemy or the driver raises to errors named after what happened, whichever way a statement went."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError

from db.errors import DatabaseNotMigrated, DatabaseUnavailable

UNDEFINED_TABLE = "42P01"
# The errors after which the connection is gone: by a shutdown or a crash, or not let in yet.
_ENDS = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    # The driver has lost the thread of the protocol, as when the server goes down in the middle of an answer.
    asyncpg.InternalClientError,
)


@contextmanager
def errors_named() -> Iterator[None]:
    """Raise `DatabaseUnavailable` instead of SQLAlchemy's and the driver's own errors that mean the same."""
    try:
        yield
    except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        named = _named(error)
        if named is None:
            raise
        raise named from error


def is_lost(error: Exception) -> bool:
    """Whether an error of the driver's means that the connection is gone; a wrong parameter does not."""
    is_ours = isinstance(error, asyncpg.InterfaceError) and not isinstance(error, ValueError)
    return is_ours or isinstance(error, (OSError, *_ENDS))


def _named(error: Exception) -> DatabaseUnavailable | None:
    if isinstance(error, DBAPIError):
        is_gone, sqlstate = error.connection_invalidated, getattr(error.orig, "sqlstate", None)
    else:
        is_gone, sqlstate = is_lost(error), getattr(error, "sqlstate", None)
    if is_gone:
        return DatabaseUnavailable()
    return DatabaseNotMigrated() if sqlstate == UNDEFINED_TABLE else None
