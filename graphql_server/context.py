"""What the server asks of an application: its context, and who is told what was executed, and how long it took."""

from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from typing import Any, Protocol, Self


class Context(Protocol):
    """The context of one HTTP request, or of one WebSocket connection and all its operations.

    `authorization` is the header of that name; `connection_params` is what `connection_init` brought.
    """

    authorization: str | None
    connection_params: dict[str, Any] | None

    async def authenticate(self, authorization: str | None) -> None:
        """Check credentials, which are called so in an HTTP header and in `connection_init`.

        Raises Exception: one that the application's error table knows.
        """
        ...

    def seconds_left(self) -> float | None:
        """Return how long a WebSocket may stay open; None for as long as the client likes."""
        ...

    def ended_by(self, locked_out: Callable[[], None], demoted: Callable[[], None]) -> AbstractContextManager[None]:
        """Have one called when a WebSocket's caller may not act any more, the other when not with the same rights.

        Both are called only while the context manager is entered.
        """
        ...

    def turn(self, at: str) -> AbstractAsyncContextManager[None]:
        """Wait until one more of the caller's may be done, and let the next one wait for its end.

        `at` is `executing`, for queries, or `reading`, for documents, which do not wait for queries.
        """
        ...

    def anew(self) -> Self:
        """Return a context of the same caller for one operation of a WebSocket: one that has loaded nothing yet."""
        ...

    def until_shutdown(self, stream: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
        """Return a stream of events that ends before the process does, which would wait for it."""
        ...

    @property
    def sharing_key(self) -> Hashable:
        """What must be equal for two subscribers to be sent the results of one execution: who they are, above all."""
        ...

    def shared(self) -> Self:
        """Return a context for an execution whose results go to all subscribers with that key."""
        ...

    def subscribed(self) -> AbstractContextManager[None]:
        """Count one subscriber of a shared execution for as long as the context manager is entered.

        Raises Exception: one that the application's error table knows.
        """
        ...


REFUSED = "refused"


class Observer:
    """Is called for each query and mutation, and notes nothing; labels are names of the schema: there are not many."""

    def executing(self) -> AbstractContextManager[object]:
        """Surround an operation and the call of `operation` about it."""
        return nullcontext()

    def operation(self, label: str, seconds: float, *, has_errors: bool) -> None:
        """Note an operation: `query looks`, `mutation several`; `refused` where it was not executed."""

    def fallback(self, reason: str) -> None:
        """Note a query that batch execution has left to the default executor."""
