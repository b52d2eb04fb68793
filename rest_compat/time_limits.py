"""How long a request may take: whatever hangs, a client is answered, and what was not committed is rolled back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from db.engine.errors import RETRY_SECONDS


class RequestTimedOut(Exception):
    """The request took longer than REST_TIMEOUT_SECONDS and was broken off."""

    code = "REQUEST_TIMED_OUT"
    message = "The request took too long and was broken off. Please try again."
    retry_seconds = RETRY_SECONDS


@asynccontextmanager
async def limited(seconds: float) -> AsyncIterator[asyncio.Timeout]:
    """Break off what takes longer than that; the timer can be set anew meanwhile.

    Raises:
        RequestTimedOut

    """
    timer = asyncio.timeout(seconds)
    try:
        async with timer:
            yield timer
    except TimeoutError as error:
        if not timer.expired():
            raise
        raise RequestTimedOut from error


def allow(request: Request, seconds: float | None) -> None:
    """Give a request so much time from now on, or any: what it waits for has a limit of its own."""
    timer: asyncio.Timeout = request.state.timer
    if not timer.expired():
        timer.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)
