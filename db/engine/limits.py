"""How long the use of a connection may take, by kind of use."""

from dataclasses import dataclass
from enum import StrEnum

# How much longer the driver waits than the server would work: where that has stopped, or is cut off.
GRACE_SECONDS = 1.0


class PoolerMode(StrEnum):
    """What a session of the server lasts for: a connection's life, as without a pooler, or a transaction.

    `UNNAMED` is for poolers in transaction mode that do not know prepared statements by name, such as PgBouncer before
    1.21: a statement takes two round trips there.
    """

    SESSION = "session"
    TRANSACTION = "transaction"
    UNNAMED = "transaction-unnamed"


@dataclass(frozen=True)
class Limits:
    """How long things may take on a connection, in seconds; None is for ever."""

    connect: float = 5.0
    statement: float | None = 10.0
    lock: float | None = 3.0
    idle_in_transaction: float | None = 30.0

    @property
    def answer(self) -> float | None:
        """How long the driver waits for an answer: longer than the server may take, in case that it is cut off."""
        return None if self.statement is None else self.statement + GRACE_SECONDS

    def settings(self) -> dict[str, str]:
        """Return PostgreSQL's settings by name, in milliseconds."""
        limits = {
            "statement_timeout": self.statement,
            "lock_timeout": self.lock,
            "idle_in_transaction_session_timeout": self.idle_in_transaction,
        }
        return {name: str(max(1, round(seconds * 1000))) for name, seconds in limits.items() if seconds is not None}

    def beginning(self, mode: PoolerMode) -> str:
        """Return what begins a transaction; it sets the limits itself where the session is its own only so long.

        0 is PostgreSQL's default for each of them: nobody else has decided.
        """
        if mode is PoolerMode.SESSION:
            return "BEGIN"
        ours = ", ".join(f"('{name}', '{value}')" for name, value in self.settings().items())
        return (
            f"BEGIN; SELECT set_config(name, value, true) FROM (VALUES {ours}) AS ours(name, value) "  # noqa: S608 - numbers
            "WHERE current_setting(name) = '0'"
        )


FOR_REQUESTS = Limits()
# Health is asked for every few seconds, by whoever would rather hear that there is none than wait.
FOR_HEALTH = Limits(connect=1.0, statement=1.0, lock=1.0)
# For what PgQueuer does with a long queue, and for whoever listens.
FOR_QUEUES = Limits(statement=60.0, lock=30.0)
# A migration takes as long as it takes; for how long it waits for a lock, it says itself.
UNLIMITED = Limits(statement=None, lock=None, idle_in_transaction=None)
