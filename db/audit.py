"""Statements on the audit log: what admins and operators did."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from db.engine.paging import Listing, Selection
from db.engine.statements import Reader, Row, Statement, Writer, given_columns, texts
from db.tables import AuditEntry


class AuditRow(Row):
    """An act of an admin or an operator."""

    id: UUID
    action: str
    actor: str
    actor_id: UUID | None
    actor_email: str | None
    user_id: UUID | None
    object_id: UUID | None
    reason: str | None
    details: str | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class AuditFilter(Selection[AuditRow]):
    """Which acts to list: those for which all holds that is not None."""

    actions: list[str] | None = None
    actor_id: UUID | None = None
    user_id: UUID | None = None
    object_id: UUID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    async def listing(self, _reader: Reader) -> Listing[AuditRow]:
        """See `Selection`."""
        return _listing(tuple(self.values()))

    def values(self) -> dict[str, object]:
        """Return the parameters by what it filters by."""
        return {name: value for name in _CONDITIONS if (value := getattr(self, name)) is not None}


_CONDITIONS: dict[str, ColumnElement[bool]] = {
    "actions": AuditEntry.action == texts("actions"),
    "actor_id": AuditEntry.actor_id == bindparam("actor_id"),
    "user_id": AuditEntry.user_id == bindparam("user_id"),
    "object_id": AuditEntry.object_id == bindparam("object_id"),
    "created_after": AuditEntry.created_at >= bindparam("created_after"),
    "created_before": AuditEntry.created_at < bindparam("created_before"),
}
_ADD = Statement(insert(AuditEntry).values(given_columns(AuditEntry)))


@lru_cache
def _listing(names: tuple[str, ...]) -> Listing[AuditRow]:
    query: Select[*tuple[Any, ...]] = select(*AuditRow.columns_of(AuditEntry))
    query = query.where(*(_CONDITIONS[name] for name in names))
    return Listing(query, (AuditEntry.created_at, AuditEntry.id), AuditRow, is_slow=names == ("actions",))


async def add(writer: Writer, values: Mapping[str, object]) -> None:
    """Write an act, given by all columns but its time."""
    await writer.fetch(_ADD, **values)
