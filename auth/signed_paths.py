"""Addresses of files that are valid for a while: a path with an expiry and an HMAC over both (RFC 2104).

Whoever may see an object is given such addresses with it; whoever has one may read that file until it expires.
"""

import hmac
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256
from urllib.parse import parse_qs

PERIOD_SECONDS = 300
"""How long a path keeps the same address, so that browsers find the file in their caches."""
LIFETIME_SECONDS = 900
"""How long an address of a period's beginning is valid; one of its end is valid for `PERIOD_SECONDS` less."""
REMEMBERED_ADDRESSES = 20_000

# In characters of a query: beyond, nothing of ours is in it.
_LONGEST_QUERY = 2_000
_EXPIRES = re.compile(r"[0-9]{1,12}")
# Keeps these signatures apart from tokens, which the same secret may sign.
_PURPOSE = b"lookreel file addresses 1"


class AddressRefused(Exception):
    """The address has no signature, or one that is not ours or not of this path. The message is for a person."""


class AddressExpired(AddressRefused):
    """The address was good until its expiry."""


class PlainPaths:
    """Leaves paths as they are, and accepts each: files are as public as their names are known."""

    def signed(self, path: str) -> str:
        """Return the path."""
        return path

    def period(self) -> int:
        """Return 0: addresses never change."""
        return 0

    def seconds_left(self, path: str, query: str) -> int:  # noqa: ARG002 - as `SignedPaths`
        """Return how long an answer may be kept."""
        return PERIOD_SECONDS


class SignedPaths(PlainPaths):
    """Signs by the first of the secrets and accepts signatures by any of them."""

    def __init__(self, secrets: Sequence[str], clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._keys = [hmac.digest(secret.encode(), _PURPOSE, sha256) for secret in secrets]
        self._known: dict[str, str] = {}
        self._known_in = 0

    def signed(self, path: str) -> str:
        """Return the path with its expiry and signature: within a period, always the same."""
        expires = self.period()
        if expires != self._known_in or len(self._known) >= REMEMBERED_ADDRESSES:
            self._known, self._known_in = {}, expires
        address = self._known.get(path)
        if address is None:
            signature = _signature(self._keys[0], path, str(expires))
            address = self._known[path] = f"{path}?expires={expires}&signature={signature}"
        return address

    def period(self) -> int:
        """Return when the addresses that are given out now expire, in seconds since the epoch."""
        return int(self._clock()) // PERIOD_SECONDS * PERIOD_SECONDS + LIFETIME_SECONDS

    def seconds_left(self, path: str, query: str) -> int:
        """Return how long the address is still valid. What else the query says is ignored.

        Raises AddressRefused, AddressExpired.
        """
        expires, signature = _read(query)
        signatures = [_signature(key, path, expires) for key in self._keys]
        if not any(hmac.compare_digest(signature.encode(), known.encode()) for known in signatures):
            raise AddressRefused("This address is not signed for this file. Load what shows it to get a valid one.")
        left = int(expires) - int(self._clock())
        if left <= 0:
            raise AddressExpired("This address has expired. Load what shows the file again to get a new one.")
        return left


def _signature(key: bytes, path: str, expires: str) -> str:
    return urlsafe_b64encode(hmac.digest(key, f"{path}\n{expires}".encode(), sha256)).decode().rstrip("=")


def _read(query: str) -> tuple[str, str]:
    """Return expiry and signature, each of which has to be there once."""
    values = parse_qs(query, keep_blank_values=True) if len(query) <= _LONGEST_QUERY else {}
    expires, signature = values.get("expires", []), values.get("signature", [])
    if len(expires) != 1 or len(signature) != 1 or not _EXPIRES.fullmatch(expires[0]):
        raise AddressRefused("This file has addresses that are signed. Load what shows it to get one.")
    return expires[0], signature[0]
