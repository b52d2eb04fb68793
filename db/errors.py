"""What is said when there is no database to be had."""

# When it is worth to ask again.
RETRY_SECONDS = 1


class DatabaseUnavailable(Exception):
    """PostgreSQL cannot be reached, or went away in the middle; nothing of the transaction was kept."""

    code = "DATABASE_UNAVAILABLE"

    def __init__(self, message: str = "The database cannot be reached at the moment. Please try again.") -> None:
        super().__init__(message)


class DatabaseNotMigrated(DatabaseUnavailable):
    """A table is missing: the code is newer than the database."""

    code = "DATABASE_NOT_MIGRATED"

    def __init__(self) -> None:
        super().__init__("The database is not up to date. An operator has to run `lookreel migrate`.")


class EmbeddedServerUnavailable(RuntimeError):
    """There is no embedded server to be had; the message tells a person why and what to do."""
