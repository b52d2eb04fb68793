"""The public keys of an identity provider (RFC 7517): fetched beforehand, kept while it cannot be reached."""

import asyncio
import logging
import ssl
import time
from typing import Any

import httpx
import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm

from auth.errors import IDENTITY_PROVIDER_RETRY_SECONDS, IdentityProviderUnavailable, InvalidCredentials

FETCH_SECONDS = 5.0
LARGEST_KEY_SET = 1_000_000
# How often keys are fetched anew, while the old ones go on verifying tokens: the provider may have taken one back.
REFRESH_SECONDS = 60.0
# Compressed, a small answer might be a large one.
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "lookreel"}

logger = logging.getLogger("lookreel.auth")


class KeySet:
    """The signing keys of one algorithm at one address, by their `kid`.

    The provider is asked one question at a time, whatever tokens come, and not again for some seconds.
    """

    def __init__(self, url: str, algorithm: str) -> None:
        self._url = url
        self._algorithm = algorithm
        self._keys: dict[str, Any] = {}
        self._asked_at = float("-inf")
        self._failing = True
        self._fetching: asyncio.Task[None] | None = None
        # Each new one reads every root certificate.
        self._certificates = ssl.create_default_context()

    async def run(self) -> None:
        """Fetch the keys at once, and again and again until cancelled, so that no known user waits for it."""
        while True:
            self._fetch_if_due()
            await asyncio.sleep(REFRESH_SECONDS)

    async def key(self, kid: str) -> Any:  # noqa: ANN401 - PyJWT takes whatever its algorithm uses as a key
        """Return the key of that id, without waiting where it is known.

        Raises:
            InvalidCredentials: the provider has no such key
            IdentityProviderUnavailable: it cannot be asked, and the key is not known

        """
        if kid not in self._keys and (fetching := self._fetch_if_due()) is not None:
            await asyncio.wait({fetching})
        if kid in self._keys:
            return self._keys[kid]
        raise IdentityProviderUnavailable if self._failing else InvalidCredentials

    def _fetch_if_due(self) -> "asyncio.Task[None] | None":
        if self._fetching is None and time.monotonic() - self._asked_at >= IDENTITY_PROVIDER_RETRY_SECONDS:
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        """Replace the keys, or keep them and say in the log why, once for each time that the provider is asked."""
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                body = await self._body()
            self._keys = await asyncio.to_thread(_usable, body, self._algorithm)
        # What orjson raises of its own is a ValueError.
        except (httpx.HTTPError, OSError, ValueError) as error:
            why = str(error) or f"not within {FETCH_SECONDS:g} s"
            logger.warning("The key set at JWT_JWKS_URL cannot be had (%s: %s)", type(error).__name__, why)
            self._failing = True
        else:
            if self._failing:
                logger.info("The key set at JWT_JWKS_URL has %d keys for %s", len(self._keys), self._algorithm)
            self._failing = False
        finally:
            self._fetching, self._asked_at = None, time.monotonic()

    async def _body(self) -> bytes:
        """Fetch the key set; a redirect is an error, since keys come from where the operator has said.

        Raises:
            httpx.HTTPError: the provider cannot be reached, or does not answer with 200
            ValueError: its answer is too large

        """
        body = bytearray()
        client = httpx.AsyncClient(verify=self._certificates, headers=HEADERS, timeout=None)  # noqa: S113 - see _fetch
        async with client, client.stream("GET", self._url) as response:
            response.raise_for_status()
            async for part in response.aiter_raw():
                body += part
                if len(body) > LARGEST_KEY_SET:
                    raise ValueError(f"it is larger than {LARGEST_KEY_SET} bytes")
        return bytes(body)


def _usable(body: bytes, algorithm: str) -> dict[str, Any]:
    """Return the keys that verify the algorithm's signatures; a thread does it, since there may be thousands.

    Raises ValueError: there is none.
    """
    answer = orjson.loads(body)
    keys = answer.get("keys") if isinstance(answer, dict) else None
    usable: dict[str, Any] = {}
    for key in keys if isinstance(keys, list) else ():
        is_for_signatures = (
            isinstance(key, dict) and isinstance(key.get("kid"), str) and key.get("use") in {None, "sig"}
        )
        if is_for_signatures and (public := _public_key(key, algorithm)) is not None:
            usable.setdefault(key["kid"], public)
    if not usable:
        raise ValueError(f"it has no key for {algorithm}")
    return usable


def _public_key(key: dict[str, Any], algorithm: str) -> Any | None:  # noqa: ANN401 - see KeySet.key
    """Return the key; None where it is of another kind, private, or broken, as that of others may be."""
    if "d" in key:
        return None
    try:
        found = jwt.PyJWK(key, algorithm)
        return found.Algorithm.prepare_key(found.key)  # looks at the curve
    except (jwt.PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, LookupError, AttributeError):
        return None
