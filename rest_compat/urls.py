"""Stored paths of this site as URLs under a request's own base URL (decision 6)."""

import re
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

# What `urljoin` would not change: most of what other sites have.
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+")


def shown_url(base_url: str, stored: str) -> str:
    """Put a path of this site below the base URL, with the prefix that a proxy adds; anything else is a URL.

    `urljoin` takes longer than all else about a look, and is asked only where it has something to do.
    """
    if stored.startswith("/") and not stored.startswith("//"):
        return _root(base_url) + stored
    return stored if _PLAIN_URL.fullmatch(stored) else urljoin(base_url, stored)


# A few, since clients choose them by their `Host`.
@lru_cache(maxsize=16)
def _root(base_url: str) -> str:
    url = urlsplit(base_url)
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}"
