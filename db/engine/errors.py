"""What is said when the database does not do what is asked of it: errors named after what happened.

`message` is for clients; the text of the error is for operators, in the log and on the command line. A `code` never
changes.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

import asyncpg
from asyncpg.exceptions import InvalidCachedStatementError

# When it is worth to ask again, where nobody has to do something about it first.
RETRY_SECONDS = 1
REPAIR_SECONDS = 30


class DatabaseUnavailable(Exception):
    """PostgreSQL cannot be reached, went away in the middle, or refuses; nothing of the transaction was kept."""

    code: ClassVar[str] = "DATABASE_UNAVAILABLE"
    message: ClassVar[str] = "The database cannot be reached at the moment. Please try again."
    retry_seconds: ClassVar[int] = RETRY_SECONDS

    def __init__(self, text: str | None = None) -> None:
        super().__init__(text or self.message)


class DatabaseNotMigrated(DatabaseUnavailable):
    """A table, a column or a function is missing: the code is newer than the database."""

    code = "DATABASE_NOT_MIGRATED"
    message = "The database is not up to date. An operator has to run `lookreel migrate`."
    retry_seconds = REPAIR_SECONDS


class DatabaseBusy(DatabaseUnavailable):
    """All connections of the process are in use, and none has come back in time."""

    code = "DATABASE_BUSY"
    message = "The service is busy at the moment. Please try again."


class DatabaseTimedOut(DatabaseUnavailable):
    """A statement or a transaction has taken too long, or an operator has cancelled it."""

    code = "DATABASE_TIMED_OUT"
    message = "The database did not answer in time. Please try again."


class DatabaseLocked(DatabaseUnavailable):
    """Something else has held the same row or table for too long."""

    code = "DATABASE_LOCKED"
    message = "Something else holds the same data at the moment. Please try again."


class DatabaseConflict(DatabaseUnavailable):
    """Something else has changed the same data, or the schema, in the middle."""

    code = "DATABASE_CONFLICT"
    message = "Something else changed the same data at the same time. Please try again."


class DatabaseReadOnly(DatabaseUnavailable):
    """Nothing can be written: a standby, or an operator's decision."""

    code = "DATABASE_READ_ONLY"
    message = "The database takes no changes at the moment. Please try again later."
    retry_seconds = REPAIR_SECONDS


class DatabaseFull(DatabaseUnavailable):
    """The server's disk is full."""

    code = "DATABASE_FULL"
    message = "The database has no space left. An operator has to make room."
    retry_seconds = REPAIR_SECONDS


class DatabaseOutOfMemory(DatabaseUnavailable):
    """The server has too little memory for what was asked."""

    code = "DATABASE_OUT_OF_MEMORY"
    message = "The database is out of memory at the moment. Please try again."


class DatabaseTooManyConnections(DatabaseUnavailable):
    """The server, or the role or the database on it, has as many connections as it may have."""

    code = "DATABASE_TOO_MANY_CONNECTIONS"
    message = "The database has no connection left at the moment. Please try again."


class DatabaseAccessDenied(DatabaseUnavailable):
    """The server refuses the user or the password, or the user lacks a right."""

    code = "DATABASE_ACCESS_DENIED"
    message = "The database refuses this service. An operator has to mend that."
    retry_seconds = REPAIR_SECONDS


class DatabaseMissing(DatabaseUnavailable):
    """The server has no database of that name."""

    code = "DATABASE_MISSING"
    message = "The database is not there. An operator has to mend that."
    retry_seconds = REPAIR_SECONDS


class DatabaseTooOld(DatabaseUnavailable):
    """The server is older than what the statements need."""

    code = "DATABASE_TOO_OLD"
    message = "The database server is too old. An operator has to upgrade it."
    retry_seconds = REPAIR_SECONDS


class DatabaseForeign(DatabaseUnavailable):
    """The database belongs to something else, or to a newer release: migrations leave it alone."""

    code = "DATABASE_FOREIGN"
    message = "The database belongs to something else or to a newer release. An operator has to mend that."
    retry_seconds = REPAIR_SECONDS


class DatabaseWithoutSessions(DatabaseUnavailable):
    """What was prepared on a connection is not there any more: a pooler gives each transaction another session."""

    code = "DATABASE_WITHOUT_SESSIONS"
    message = "The database keeps no sessions for this service. An operator has to set its pooler to session mode."
    retry_seconds = REPAIR_SECONDS


class InvalidDatabaseUrl(DatabaseUnavailable):
    """A database's URL cannot be understood or used; `reason` begins small and has no full stop."""

    code = "DATABASE_MISCONFIGURED"
    message = "The database cannot be reached as configured. An operator has to mend that."
    retry_seconds = REPAIR_SECONDS

    def __init__(self, reason: str, name: str = "DATABASE_URL") -> None:
        super().__init__(f"{name} cannot be used: {reason}.")
        self.reason = reason


class EmbeddedServerUnavailable(RuntimeError):
    """There is no embedded server to be had; the message tells a person why and what to do."""


LOG_SECONDS = 1.0

logger = logging.getLogger("lookreel.db")

# By PostgreSQL's codes (https://www.postgresql.org/docs/current/errcodes-appendix.html), then by their classes.
_NAMES: Mapping[str, type[DatabaseUnavailable]] = {
    "23502": DatabaseNotMigrated,  # a column must have a value that we know nothing of
    "25006": DatabaseReadOnly,
    "25P03": DatabaseTimedOut,  # idle in a transaction
    "25P04": DatabaseTimedOut,  # the transaction as a whole
    "26000": DatabaseWithoutSessions,  # no such prepared statement, or there is one already
    "42P05": DatabaseWithoutSessions,
    "3D000": DatabaseMissing,
    "3F000": DatabaseNotMigrated,  # no such schema
    "42501": DatabaseAccessDenied,
    "42703": DatabaseNotMigrated,  # no such column
    "42804": DatabaseNotMigrated,  # one of another type, as the next two
    "42809": DatabaseNotMigrated,
    "42846": DatabaseNotMigrated,
    "42883": DatabaseNotMigrated,  # no such function
    "42P01": DatabaseNotMigrated,  # no such table
    "53100": DatabaseFull,
    "53200": DatabaseOutOfMemory,
    "53300": DatabaseTooManyConnections,
    "55P03": DatabaseLocked,
    "57014": DatabaseTimedOut,
    "08": DatabaseUnavailable,  # the connection
    "28": DatabaseAccessDenied,
    "40": DatabaseConflict,  # serialization, deadlock
    "53": DatabaseUnavailable,  # resources
    "57": DatabaseUnavailable,  # an operator: shutdown, crash, idle session
    "58": DatabaseUnavailable,  # the server's own files
}
DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""All that the driver raises besides the operating system's own errors."""
# Of PostgreSQL's errors, those after which the connection is gone: by a shutdown or a crash, or not let in yet.
_ENDS = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    # The driver has lost the thread of the protocol, as when the server goes down in the middle of an answer.
    asyncpg.InternalClientError,
    asyncpg.IdleSessionTimeoutError,
)
# A migration has changed what a statement returns.
_OUTDATED = (InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError)

_logged: dict[str, float] = {}


@contextmanager
def errors_named(lost: type[OSError] = ConnectionError) -> Iterator[None]:
    """Raise one of `db.engine.errors` instead of the driver's own errors that mean the same.

    `lost` are errors of the operating system that mean a lost connection: any, where nothing but the driver runs.
    """
    try:
        yield
    except DRIVER_ERRORS as error:
        name = _name(error)
        if name is None:
            raise
        raise _logged_error(name, error) from error
    except TimeoutError as error:
        raise _logged_error(DatabaseTimedOut, error) from error
    except lost as error:
        raise _logged_error(DatabaseUnavailable, error) from error


def named(error: Exception, text: str) -> DatabaseUnavailable:
    """Return an error of the driver's by its name, with a text for operators."""
    return (_name(error) or DatabaseUnavailable)(text)


def is_lost(error: Exception) -> bool:
    """Whether an error of the driver's means that the connection is gone; a wrong parameter does not."""
    if isinstance(error, asyncpg.InterfaceError):
        return not isinstance(error, ValueError)
    if isinstance(error, asyncpg.InternalClientError):
        return not isinstance(error, _OUTDATED)
    return isinstance(error, (OSError, *_ENDS))


def code_of(error: BaseException) -> str:
    """Return PostgreSQL's code for an error, of five characters; empty where it is not PostgreSQL's."""
    return getattr(error, "sqlstate", None) or ""


def first_line(error: BaseException) -> str:
    """Return what an error says, without PostgreSQL's details."""
    return str(error).partition("\n")[0].rstrip(".") or type(error).__name__


def _name(error: Exception) -> type[DatabaseUnavailable] | None:
    if isinstance(error, _OUTDATED):
        return DatabaseConflict
    state = code_of(error)
    if found := _NAMES.get(state) or _NAMES.get(state[:2]):
        return found
    return DatabaseUnavailable if is_lost(error) else None


def _logged_error(name: type[DatabaseUnavailable], error: Exception) -> DatabaseUnavailable:
    """Make the error; log it, of many of its kind one a second."""
    text = f"{name.message} ({first_line(error)})"
    now = time.monotonic()
    if now - _logged.get(name.code, -LOG_SECONDS) >= LOG_SECONDS:
        _logged[name.code] = now
        logger.warning("%s: %s", name.code, first_line(error))
    return name(text)
