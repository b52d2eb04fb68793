"""What is said when the database does not do what is asked of it, named after what happened.

`message` is for clients; the text of the error is for operators, in the log and on the command line. A `code` never
changes.
"""

from typing import ClassVar

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
