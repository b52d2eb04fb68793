"""Credentials that Google's libraries take for real ones."""

import json
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def service_account_file(path: Path, token_uri: str) -> Path:
    """Write Application Default Credentials with a key of their own, which get their tokens at this address."""
    account = {
        "type": "service_account",
        "project_id": "double",
        "private_key_id": "1",
        "private_key": _private_key(),
        "client_email": "lookreel@double.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }
    path.write_text(json.dumps(account))
    return path


@lru_cache(maxsize=1)
def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
