"""Large bodies of JSON, which are in memory whole: few megabytes of them at once; the others wait, and are not read."""

import asyncio
import binascii
import json
from base64 import urlsafe_b64decode
from collections import Counter
from http import HTTPStatus
from typing import NamedTuple

from graphql_server.http_answers import Refused

WAIT_SECONDS = 20.0
# How long the client of a body that others may wait for has to send all of it: 52 MB at 4 Mbit/s.
READ_SECONDS = 120.0


class LargeBodies:
    """So many bytes at once in a process, and half of them for one user.

    Whoever enters has been authenticated: both APIs are before they read.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._entered: Counter[str] = Counter()
        self._changed = asyncio.Condition()

    async def enter(self, authorization: str, size: int) -> "Place":
        """Wait until a body of that size fits in; what alone is too large does once there is no other.

        Raises Refused: it did not in time.
        """
        user = _user_of(authorization)
        try:
            async with asyncio.timeout(WAIT_SECONDS), self._changed:
                await self._changed.wait_for(lambda: self._fits(user, size))
                self._entered[user] += size
        except TimeoutError:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Too many large requests are in progress. Please try again.",
                "TOO_MANY_UPLOADS",
                {"Retry-After": "10"},
            ) from None
        return Place(user, size, asyncio.get_running_loop().time() + READ_SECONDS)

    async def leave(self, place: "Place") -> None:
        """Let the next ones in."""
        async with self._changed:
            self._entered[place.user] -= place.size
            if not self._entered[place.user]:
                del self._entered[place.user]
            self._changed.notify_all()

    def _fits(self, user: str, size: int) -> bool:
        all_fit = not self._entered or self._entered.total() + size <= self._most
        return all_fit and (not self._entered[user] or self._entered[user] + size <= self._most // 2)


class Place(NamedTuple):
    """One request's place among the large bodies."""

    user: str
    size: int
    deadline: float


def too_slow() -> Refused:
    """Return the refusal of a large body that takes too long."""
    sentence = f"The request came too slowly: large ones have {READ_SECONDS:g} seconds"
    return Refused(HTTPStatus.REQUEST_TIMEOUT, sentence, "BODY_TOO_SLOW")


def _user_of(authorization: str) -> str:
    """Return whom a token names, or all of what is no JWT."""
    try:
        _, payload, _ = authorization.split(".")
        return str(json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"])
    except (ValueError, KeyError, TypeError, binascii.Error):
        return authorization
