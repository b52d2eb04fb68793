"""An account at Cloudinary, as its console shows it: a URL, or three parts."""

import re
from collections.abc import Mapping

_PART = re.compile(r"[\w-]+", re.ASCII)


def account_url(parts: Mapping[str, str | None]) -> str | None:
    """Return the URL that stands for a cloud's name, a key and its secret, by the variable of each; None without any.

    Raises:
        ValueError: for parts that are missing, or that a URL cannot hold.

    """
    missing = [variable for variable, value in parts.items() if value is None]
    if len(missing) == len(parts):
        return None
    if missing:
        raise ValueError(f"Cloudinary needs {', '.join(missing)} as well, or CLOUDINARY_URL instead of all three.")
    for variable, value in parts.items():
        if not _PART.fullmatch(value or ""):
            raise ValueError(f"{variable} must consist of letters, digits, '-' and '_'.")
    cloud, key, secret = parts.values()
    return f"cloudinary://{key}:{secret}@{cloud}"
