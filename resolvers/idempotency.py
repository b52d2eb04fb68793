"""Idempotency keys: a repeated request gets its first answer, for 24 hours, whatever becomes of what it made."""

import hashlib
import json
from datetime import timedelta
from uuid import UUID

from auth.caller import Caller
from db import idempotency_keys
from db.engine.statements import Reader, Writer
from db.idempotency_keys import KeyRow
from resolvers.errors import IdempotencyKeyReused, InvalidInput
from resolvers.texts import is_storable

KEYS_LAST = timedelta(hours=24)
LONGEST_KEY = 255


def checked_key(key: str | None) -> str | None:
    """Return a key as it is kept: without the space around it, of which a header keeps more or less on its way.

    Raises InvalidInput.
    """
    if key is None:
        return None
    key = key.strip()
    if not 0 < len(key) <= LONGEST_KEY:
        raise InvalidInput(f"An idempotency key must have 1 to {LONGEST_KEY} characters", field="idempotencyKey")
    if not is_storable(key):
        raise InvalidInput("idempotencyKey contains characters that cannot be stored", field="idempotencyKey")
    return key


def digest_of(operation: str, *values: object) -> str:
    """Fingerprint what is asked for, to tell a repeated request from another one with the same key."""
    return hashlib.sha256(json.dumps([operation, *values], default=str).encode()).hexdigest()


async def earlier(reader: Reader, caller: Caller, key: str | None, digest: str) -> KeyRow | None:
    """Return what a request with that key has made before, None where there was none.

    Raises IdempotencyKeyReused: it was another request.
    """
    known = None if key is None else await idempotency_keys.get(reader, caller.user_id, key, KEYS_LAST)
    if known is not None and known.request_digest != digest:
        raise IdempotencyKeyReused
    return known


async def keep(  # noqa: PLR0913 - a row's columns
    writer: Writer,
    caller: Caller,
    key: str | None,
    digest: str,
    *,
    job_id: UUID | None = None,
    entry_id: UUID | None = None,
    spent: int | None = None,
) -> None:
    """Remember what the request with that key has made.

    Raises IdempotencyKeyReused: another request has taken the key since `earlier` looked.
    """
    if key is None:
        return
    made = {"job_id": job_id, "entry_id": entry_id}
    if not await idempotency_keys.put(writer, caller.user_id, key, digest, KEYS_LAST, spent=spent, **made):
        raise IdempotencyKeyReused
