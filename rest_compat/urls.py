"""Stored paths of this site as URLs under a request's own base URL (decision 6)."""

import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

from auth.signed_paths import PlainPaths

ShowUrl = Callable[[str], str]
"""From what is stored to the URL that a client is shown."""

# What `urljoin` would not change: all that we store ourselves, and most of what others have.
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+")
_PLAIN_URL = re.compile(rf"https?://[A-Za-z0-9.-]+(?::[0-9]+)?{_PLAIN_PATH.pattern}")


def shown_url(addresses: PlainPaths, base_url: str, stored: str) -> str:
    """Put a path of this site below the base URL, with the prefix that a proxy adds; anything else is a URL.

    `urljoin` takes longer than all else about a look, and is asked only where it has something to do.
    """
    if not stored.startswith("/") or stored.startswith("//"):
        return stored if _PLAIN_URL.fullmatch(stored) else urljoin(base_url, stored)
    path, mark, query = stored.partition("?")
    shown = _root(base_url) + (addresses.signed(path) if _PLAIN_PATH.fullmatch(path) else path)
    return shown + ("&" if "?" in shown else "?") + query if mark else shown


# A few, since clients choose them by their `Host`.
@lru_cache(maxsize=16)
def _root(base_url: str) -> str:
    url = urlsplit(base_url)
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}"
