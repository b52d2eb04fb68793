"""Stored paths of this site as URLs under a request's own base URL (decision 6)."""

import re
from functools import lru_cache
from urllib.parse import urljoin

# What `urljoin` would not change: all that we store ourselves, and most of what others have.
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+")
_PLAIN_URL = re.compile(rf"https?://[A-Za-z0-9.-]+(?::[0-9]+)?{_PLAIN_PATH.pattern}")


def shown_url(base_url: str, stored: str) -> str:
    """Join as `urljoin` does, which takes longer than all else about a look, but only where it has something to do."""
    plain, origin = (_PLAIN_PATH, _origin(base_url)) if stored.startswith("/") else (_PLAIN_URL, "")
    return origin + stored if plain.fullmatch(stored) else urljoin(base_url, stored)


# A few, since clients choose them by their `Host`.
@lru_cache(maxsize=16)
def _origin(base_url: str) -> str:
    return urljoin(base_url, "/x").removesuffix("/x")
