"""From what the driver raises to errors named after what happened."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from asyncpg.exceptions import InvalidCachedStatementError

from db.engine.errors import BY_STATE, DatabaseConflict, DatabaseTimedOut, DatabaseUnavailable

LOG_SECONDS = 1.0

logger = logging.getLogger("lookreel.db")

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


def raise_named(error: BaseException) -> None:
    """Raise one of `db.engine.errors` from an error of the driver's that means the same; return where none does.

    It is logged; of many of its kind, one a second.
    """
    name = DatabaseTimedOut if isinstance(error, TimeoutError) else _name(error)
    if name is None:
        return
    said, now = first_line(error), time.monotonic()
    if now - _logged.get(name.code, -LOG_SECONDS) >= LOG_SECONDS:
        _logged[name.code] = now
        logger.warning("%s: %s", name.code, said)
    raise name(f"{name.message} ({said})") from error


@contextmanager
def errors_named(lost: type[OSError] = OSError) -> Iterator[None]:
    """Name all that is raised inside; `lost` are errors of the operating system that mean a lost connection."""
    try:
        yield
    except (lost, TimeoutError, *DRIVER_ERRORS) as error:
        raise_named(error)
        raise


def named(error: Exception, text: str) -> DatabaseUnavailable:
    """Return an error of the driver's by its name, with a text for operators."""
    return (_name(error) or DatabaseUnavailable)(text)


def is_lost(error: BaseException) -> bool:
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


def _name(error: BaseException) -> type[DatabaseUnavailable] | None:
    if isinstance(error, _OUTDATED):
        return DatabaseConflict
    state = code_of(error)
    if found := BY_STATE.get(state) or BY_STATE.get(state[:2]):
        return found
    return DatabaseUnavailable if is_lost(error) else None
