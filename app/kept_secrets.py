"""Secrets that an installation makes for itself, in its data folder."""

import os
import secrets
from pathlib import Path


def kept_secret(path: Path) -> str:
    """Read the secret, made if there is none; of many processes at once, all get the same."""
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
