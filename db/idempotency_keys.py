"""Statements on idempotency keys: what a user's key stood for."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Interval, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from db.engine.statements import Reader, Row, Statement, Writer
from db.tables import IdempotencyKey


class KeyRow(Row):
    """What a key stood for: a job, or a ledger's entry after which `spent` tokens had been used in the period."""

    request_digest: str
    video_job_id: UUID | None
    ledger_entry_id: UUID | None
    spent: int | None


_OWNER = bindparam("owner", type_=Uuid)
_KEEP = bindparam("keep", type_=Interval)
_ROW = KeyRow.columns_of(IdempotencyKey)
_GET = Statement(
    select(*_ROW).where(
        IdempotencyKey.user_id == _OWNER,
        IdempotencyKey.key == bindparam("key"),
        IdempotencyKey.created_at > func.now() - _KEEP,
    ),
    KeyRow,
)
_STANDS_FOR: dict[str, Any] = {name: bindparam(name) for name in KeyRow.columns()} | {"created_at": func.now()}
# A key that is still used is left alone: another transaction was faster.
_PUT = Statement(
    insert(IdempotencyKey)
    .values({"user_id": _OWNER, "key": bindparam("key")} | _STANDS_FOR)
    .on_conflict_do_update(
        index_elements=["user_id", "key"], set_=_STANDS_FOR, where=IdempotencyKey.created_at <= func.now() - _KEEP
    )
    .returning(*_ROW),
    KeyRow,
)


async def get(reader: Reader, user_id: UUID, key: str, keep: timedelta) -> KeyRow | None:
    """Read what a user's key stood for, unless that is longer ago than `keep`."""
    return await reader.first(_GET, owner=user_id, key=key, keep=keep)


async def put(  # noqa: PLR0913 - a row's columns
    writer: Writer,
    user_id: UUID,
    key: str,
    digest: str,
    keep: timedelta,
    *,
    job_id: UUID | None = None,
    entry_id: UUID | None = None,
    spent: int | None = None,
) -> bool:
    """Remember what a user's key stands for from now on; return False where it is used for something else."""
    values = {"request_digest": digest, "video_job_id": job_id, "ledger_entry_id": entry_id, "spent": spent}
    return await writer.first(_PUT, owner=user_id, key=key, keep=keep, **values) is not None
