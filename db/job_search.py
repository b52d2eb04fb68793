"""Jobs as an operator looks for them: over all users, newest first."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, bindparam, desc, literal_column, select

from db.engine.statements import Reader, Row, Statement, among
from db.enums import VideoJobStatus
from db.tables import VideoJob


class Selected(Row):
    """What tells one job from others; not what its owner has written."""

    id: UUID
    user_id: UUID
    status: str
    error_code: str | None
    model: str
    created_at: datetime


@dataclass(frozen=True)
class JobFilter:
    """Which jobs; None is any. `before` and `since` are when they were created."""

    ids: tuple[UUID, ...] | None = None
    statuses: tuple[VideoJobStatus, ...] = ()
    user_id: UUID | None = None
    code: str | None = None
    model: str | None = None
    before: datetime | None = None
    since: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what a job has to be; statuses are spelled out, for the partial indexes."""
        found = [column == bindparam(name) for name, column in _EQUAL.items() if getattr(self, name) is not None]
        if self.ids is not None:
            found.append(VideoJob.id == among("ids"))
        if self.statuses:
            found.append(VideoJob.status.in_([literal_column(f"'{status}'") for status in self.statuses]))
        if self.before is not None:
            found.append(VideoJob.created_at < bindparam("before"))
        if self.since is not None:
            found.append(VideoJob.created_at >= bindparam("since"))
        return found

    def values(self) -> dict[str, object]:
        """Return the parameters of the conditions."""
        names = (*_EQUAL, "ids", "before", "since")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


_EQUAL = {"user_id": VideoJob.user_id, "code": VideoJob.error_code, "model": VideoJob.model}
_ORDER = (desc(VideoJob.created_at), desc(VideoJob.id))


def _newest(*conditions: ColumnElement[bool]) -> Statement[Selected]:
    query = select(*Selected.columns_of(VideoJob)).where(*conditions).order_by(*_ORDER)
    return Statement(query.limit(bindparam("most", type_=Integer)), Selected)


_NEWEST = _newest()


async def find(reader: Reader, wanted: JobFilter, most: int) -> list[Selected]:
    """Find jobs, newest first.

    Raises:
        DatabaseUnavailable: also where it takes too long, since a choice among millions has no index of its own

    """
    conditions = wanted.conditions()
    statement = _newest(*conditions) if conditions else _NEWEST
    return await reader.fetch(statement, most=most, **wanted.values())
