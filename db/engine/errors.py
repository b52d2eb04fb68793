"""What is said when the database does not do what is asked of it, named after what happened.

`message` is for clients; the text of the error is for operators, in the log and on the command line. A `code` never
changes.
"""

from typing import ClassVar, cast

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


BY_STATE: dict[str, type[DatabaseUnavailable]] = dict.fromkeys(("08", "53", "57", "58"), DatabaseUnavailable)
"""By PostgreSQL's codes (https://www.postgresql.org/docs/current/errcodes-appendix.html), or their classes.

Those of what cannot be reached are of the connection, resources, an operator (shutdown, crash, idle session), and the
server's own files.
"""


def _kind(
    code: str, message: str, retry_seconds: int = RETRY_SECONDS, *, states: str = ""
) -> type[DatabaseUnavailable]:
    """Make the class of a code, which it is named after, for errors of those states of PostgreSQL's."""
    told = {"code": code, "message": message, "retry_seconds": retry_seconds, "__module__": __name__}
    kind = cast("type[DatabaseUnavailable]", type(code.title().replace("_", ""), (DatabaseUnavailable,), told))
    BY_STATE.update(dict.fromkeys(states.split(), kind))
    return kind


# A table, a column or a function is missing or of another type, or wants a value: the code is newer than the database.
DatabaseNotMigrated = _kind(
    "DATABASE_NOT_MIGRATED",
    "The database is not up to date. An operator has to run `lookreel migrate`.",
    REPAIR_SECONDS,
    states="23502 3F000 42703 42804 42809 42846 42883 42P01",
)
# All connections of the process are in use, and none has come back in time.
DatabaseBusy = _kind("DATABASE_BUSY", "The service is busy at the moment. Please try again.")
# A statement or a transaction has taken too long, or was idle for too long, or an operator has cancelled it.
DatabaseTimedOut = _kind(
    "DATABASE_TIMED_OUT", "The database did not answer in time. Please try again.", states="25P03 25P04 57014"
)
# Something else has held the same row or table for too long.
DatabaseLocked = _kind(
    "DATABASE_LOCKED", "Something else holds the same data at the moment. Please try again.", states="55P03"
)
# Something else has changed the same data, or the schema, in the middle: a serialization, a deadlock.
DatabaseConflict = _kind(
    "DATABASE_CONFLICT", "Something else changed the same data at the same time. Please try again.", states="40"
)
# Nothing can be written: a standby, or an operator's decision.
DatabaseReadOnly = _kind(
    "DATABASE_READ_ONLY",
    "The database takes no changes at the moment. Please try again later.",
    REPAIR_SECONDS,
    states="25006",
)
# The server's disk is full.
DatabaseFull = _kind(
    "DATABASE_FULL", "The database has no space left. An operator has to make room.", REPAIR_SECONDS, states="53100"
)
# The server has too little memory for what was asked.
DatabaseOutOfMemory = _kind(
    "DATABASE_OUT_OF_MEMORY", "The database is out of memory at the moment. Please try again.", states="53200"
)
# The server, or the role or the database on it, has as many connections as it may have.
DatabaseTooManyConnections = _kind(
    "DATABASE_TOO_MANY_CONNECTIONS",
    "The database has no connection left at the moment. Please try again.",
    states="53300",
)
# The server refuses the user or the password, or the user lacks a right.
DatabaseAccessDenied = _kind(
    "DATABASE_ACCESS_DENIED",
    "The database refuses this service. An operator has to mend that.",
    REPAIR_SECONDS,
    states="42501 28",
)
# The server has no database of that name.
DatabaseMissing = _kind(
    "DATABASE_MISSING", "The database is not there. An operator has to mend that.", REPAIR_SECONDS, states="3D000"
)
# The server is older than what the statements need.
DatabaseTooOld = _kind(
    "DATABASE_TOO_OLD", "The database server is too old. An operator has to upgrade it.", REPAIR_SECONDS
)
# The database belongs to something else, or to a newer release: migrations leave it alone.
DatabaseForeign = _kind(
    "DATABASE_FOREIGN",
    "The database belongs to something else or to a newer release. An operator has to mend that.",
    REPAIR_SECONDS,
)
# What was prepared on a connection is not there any more: a pooler gives each transaction another session.
DatabaseWithoutSessions = _kind(
    "DATABASE_WITHOUT_SESSIONS",
    "The database keeps no sessions for this service. An operator has to set its pooler to session mode.",
    REPAIR_SECONDS,
    states="26000 42P05",
)


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
