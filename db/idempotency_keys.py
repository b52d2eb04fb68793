"""Statements on idempotency keys: which request each stood for, and which job that has created."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Interval, Uuid, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from db.engine.statements import NoRow, Reader, Row, Statement, Writer, first_row
from db.tables import IdempotencyKey


class KeyRow(Row):
    """What an idempotency key stood for."""

    request_digest: str
    video_job_id: UUID


_USER = bindparam("user", type_=Uuid)
_KEY_ROW = (IdempotencyKey.request_digest, IdempotencyKey.video_job_id)
_KEY = Statement(
    select(*_KEY_ROW).where(
        IdempotencyKey.user_id == _USER,
        IdempotencyKey.key == bindparam("key"),
        IdempotencyKey.created_at > func.now() - bindparam("keep", type_=Interval),
    ),
    KeyRow,
)
_STANDS_FOR = {"request_digest": bindparam("digest"), "video_job_id": bindparam("job"), "created_at": func.now()}
_PUT = Statement(
    insert(IdempotencyKey)
    .values({"user_id": _USER, "key": bindparam("key")} | _STANDS_FOR)
    .on_conflict_do_update(index_elements=["user_id", "key"], set_=_STANDS_FOR)
    .returning(*_KEY_ROW),
    KeyRow,
)
_PRUNE = Statement(
    delete(IdempotencyKey).where(IdempotencyKey.created_at < func.now() - bindparam("keep", type_=Interval)), NoRow
)


async def get(reader: Reader, user_id: UUID, key: str, keep: timedelta) -> KeyRow | None:
    """Read what a user's key stood for, unless that is longer ago than `keep`."""
    return await first_row(reader, _KEY, user=user_id, key=key, keep=keep)


async def put(writer: Writer, user_id: UUID, key: str, digest: str, job_id: UUID) -> None:
    """Remember what a user's key stands for from now on."""
    await writer.fetch(_PUT, user=user_id, key=key, digest=digest, job=job_id)


async def prune(writer: Writer, keep: timedelta) -> None:
    """Delete keys that stand for nothing any more."""
    await writer.fetch(_PRUNE, keep=keep)
