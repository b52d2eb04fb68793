"""Secrets from files: `NAME_FILE` names a file that holds NAME's value, and some are made for the data folder.

The first is how Docker and Kubernetes give secrets to a process: they do not show in its environment then.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

MOST_BYTES = 64 * 1024
SECRETS = (
    "database_url",
    "database_direct_url",
    "jwt_secret_key",
    "jwt_secret_keys",
    "media_secret_key",
    "google_api_key",
    "gemini_api_key",
    "google_express_api_key",
    "cloudinary_url",
    "cloudinary_api_secret",
    "metrics_token",
)


class UnreadableSecret(Exception):
    """A file that a setting names cannot be used; the message says which, and why."""


def secrets_from_files(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that files hold, by name; line ends in the end are no part of a value.

    Raises UnreadableSecret: a file cannot be read, or the setting is there as well.
    """
    found = {}
    for name in SECRETS:
        variable = f"{name.upper()}_FILE"
        if path := environment.get(variable):
            if environment.get(name.upper()):
                raise UnreadableSecret(f"{variable}: {name.upper()} is set as well. Leave one of them out.")
            found[name] = _read(variable, path)
    return found


def _read(variable: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            contents = file.read(MOST_BYTES + 1)
        text = contents.decode("utf-8-sig").rstrip("\r\n")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise UnreadableSecret(f"{variable}: the file cannot be read: {reason}") from None
    if not text or len(contents) > MOST_BYTES:
        raise UnreadableSecret(f"{variable}: the file is {'too large' if text else 'empty'}")
    return text


def kept_secret(path: Path) -> str:
    """Read a secret of the installation's own, made if there is none; of many processes at once, all get the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_urlsafe(48))
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text().strip()
