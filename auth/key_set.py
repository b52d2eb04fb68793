"""The public keys of an identity provider (RFC 7517): fetched when they are needed, kept while it cannot be reached."""

import asyncio
import logging
import time
from http.client import HTTPException
from typing import Any
from urllib.request import HTTPRedirectHandler, Request, build_opener

import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm

from auth.errors import IDENTITY_PROVIDER_RETRY_SECONDS, IdentityProviderUnavailable, InvalidCredentials

FETCH_SECONDS = 5.0
LARGEST_KEY_SET = 1_000_000
# Older keys are fetched anew, while they go on verifying tokens.
REFRESH_SECONDS = 60.0
# Still older ones wait for the new ones, if the provider is there: it may have taken them back.
STALE_SECONDS = 300.0

logger = logging.getLogger("lookreel.auth")


class _NoRedirects(HTTPRedirectHandler):
    """Takes a redirect for an error: keys come from where the operator has said."""

    def redirect_request(self, *_: object) -> None:
        """Go nowhere."""


class KeySet:
    """The signing keys of one algorithm at one address, by their `kid`.

    The provider is asked one question at a time, whatever tokens come, and not again for some seconds.
    """

    def __init__(self, url: str, algorithm: str) -> None:
        self._url = url
        self._algorithm = algorithm
        self._keys: dict[str, Any] = {}
        self._fetched_at = self._asked_at = float("-inf")
        self._failing = True
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> Any:  # noqa: ANN401 - PyJWT takes whatever its algorithm uses as a key
        """Return the key of that id, without waiting where it is known and the provider was there a while ago.

        Raises:
            InvalidCredentials: the provider has no such key
            IdentityProviderUnavailable: it cannot be asked, and the key is not known

        """
        age = time.monotonic() - self._fetched_at
        if kid in self._keys and age < REFRESH_SECONDS:
            return self._keys[kid]
        fetching = self._fetch_if_due()
        if fetching is not None and (kid not in self._keys or (age > STALE_SECONDS and not self._failing)):
            await asyncio.wait({fetching}, timeout=FETCH_SECONDS)
        if kid in self._keys:
            return self._keys[kid]
        raise IdentityProviderUnavailable if self._failing or self._fetching else InvalidCredentials

    def _fetch_if_due(self) -> "asyncio.Task[None] | None":
        if self._fetching is None and time.monotonic() - self._asked_at >= IDENTITY_PROVIDER_RETRY_SECONDS:
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        """Replace the keys, or keep them and say in the log why, once for each time that the provider is asked."""
        try:
            self._keys = await asyncio.to_thread(_fetched, self._url, self._algorithm)
        # What urllib raises of its own is an OSError, and what orjson does a ValueError.
        except (OSError, HTTPException, ValueError) as error:
            logger.warning("The key set at JWT_JWKS_URL cannot be had (%s: %s)", type(error).__name__, error)
            self._failing = True
        else:
            if self._failing:
                logger.info("The key set at JWT_JWKS_URL has %d keys for %s", len(self._keys), self._algorithm)
            self._failing, self._fetched_at = False, time.monotonic()
        finally:
            self._fetching, self._asked_at = None, time.monotonic()


def _fetched(url: str, algorithm: str) -> dict[str, Any]:
    """Fetch the keys; a thread does it.

    Raises:
        OSError, HTTPException: the provider cannot be reached, or does not answer with a key set in time
        ValueError: its answer has no key for the algorithm

    """
    body = orjson.loads(_body(url))
    keys = body.get("keys") if isinstance(body, dict) else None
    usable: dict[str, Any] = {}
    for key in keys if isinstance(keys, list) else ():
        if _is_for_signatures(key) and (public := _public_key(key, algorithm)) is not None:
            usable.setdefault(key["kid"], public)
    if not usable:
        raise ValueError(f"it has no key for {algorithm}")
    return usable


def _body(url: str) -> bytes:
    deadline = time.monotonic() + FETCH_SECONDS
    request = Request(url, headers={"Accept": "application/json", "User-Agent": "lookreel"})  # noqa: S310 - the settings take http(s) only
    body = b""
    with build_opener(_NoRedirects).open(request, timeout=FETCH_SECONDS) as response:
        # Not all at once: each part that comes would begin the time-out anew.
        while part := response.read1(LARGEST_KEY_SET):
            body += part
            if len(body) > LARGEST_KEY_SET:
                raise ValueError(f"it is larger than {LARGEST_KEY_SET} bytes")
            if time.monotonic() > deadline:
                raise TimeoutError(f"it took longer than {FETCH_SECONDS:.0f} s")
    return body


def _is_for_signatures(key: object) -> bool:
    return isinstance(key, dict) and isinstance(key.get("kid"), str) and key.get("use") in {None, "sig"}


def _public_key(key: dict[str, Any], algorithm: str) -> Any | None:  # noqa: ANN401 - see KeySet.key
    """Return the key; None where it is of another kind, private, or broken, as that of others may be."""
    if "d" in key:
        return None
    try:
        found = jwt.PyJWK(key, algorithm)
        return found.Algorithm.prepare_key(found.key)  # looks at the curve
    except (jwt.PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, LookupError, AttributeError):
        return None
