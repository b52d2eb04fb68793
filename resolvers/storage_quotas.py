"""What one user may keep: so many looks, and so many bytes of images."""

from uuid import UUID

from db import quotas
from db.engine.statements import Reader
from resolvers.errors import StorageQuota
from resolvers.policy import Quotas

MEGABYTE = 1_000_000


async def quota_reached(
    reader: Reader, user_id: UUID, limits: Quotas, *, looks: int = 0, stored_bytes: int = 0
) -> StorageQuota | None:
    """Return the refusal where the user would keep more than one may, with so many more looks and bytes.

    Before images are decoded, the bytes are those that were sent. To be sure, the caller has locked the account.
    """
    most_looks, most_bytes = limits.looks if looks else 0, limits.stored_megabytes * MEGABYTE if stored_bytes else 0
    if not (most_looks or most_bytes):
        return None
    kept = await quotas.kept_by(reader, user_id)
    if most_looks and kept.looks + looks > most_looks:
        return StorageQuota(f"{most_looks:,} looks")
    if most_bytes and kept.stored_bytes + stored_bytes > most_bytes:
        return StorageQuota(f"{limits.stored_megabytes:,} MB of images")
    return None


async def require_room(reader: Reader, user_id: UUID, limits: Quotas, *, looks: int = 0, stored_bytes: int = 0) -> None:
    """Raise `StorageQuota` where `quota_reached` says so."""
    if refusal := await quota_reached(reader, user_id, limits, looks=looks, stored_bytes=stored_bytes):
        raise refusal
