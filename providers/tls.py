"""The certificates by which other sides are verified."""

import ssl
from functools import cache

import httpx


@cache
def trusted_certificates() -> ssl.SSLContext:
    """Return the context of all clients of this process.

    Each new one reads every root certificate, about 50 ms of CPU; Google's SDK alone would make three for a provider.
    """
    return httpx.create_ssl_context()
