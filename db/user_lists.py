"""Statements that list accounts, for admins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, bindparam, column, func, select, true

from db.accounts import Account
from db.engine.paging import ESCAPE, Listing, Selection, containing
from db.engine.statements import Reader, Row, Statement, listed
from db.tables import User, VideoJob

# Where counting one account's jobs ends.
MOST_JOBS_COUNTED = 10_000


class UserRow(Account):
    """All of an account."""

    name: str | None
    status: str
    role: str
    created_at: datetime


class JobCount(Row):
    """How many jobs an account has, up to `MOST_JOBS_COUNTED`."""

    id: UUID
    count: int


@dataclass(frozen=True, kw_only=True)
class UserFilter(Selection[UserRow]):
    """Which accounts to list: those for which all holds that is not None; `email` is a part of the address."""

    user_id: UUID | None = None
    email: str | None = None
    tier: str | None = None
    status: str | None = None
    role: str | None = None

    async def listing(self, _reader: Reader) -> Listing[UserRow]:
        """See `Selection`."""
        return _listing(tuple(self.values()))

    def values(self) -> dict[str, object]:
        """Return the parameters by what it filters by."""
        given = {name: value for name in _CONDITIONS if (value := getattr(self, name)) is not None}
        return given | ({"email": containing(self.email)} if self.email is not None else {})


_CONDITIONS: dict[str, ColumnElement[bool]] = {
    "user_id": User.id == bindparam("user_id"),
    "email": User.email.like(bindparam("email"), escape=ESCAPE),
    "tier": User.tier == bindparam("tier"),
    "status": User.status == bindparam("status"),
    "role": User.role == bindparam("role"),
}


@lru_cache
def _listing(names: tuple[str, ...]) -> Listing[UserRow]:
    query: Select[*tuple[Any, ...]] = select(*UserRow.columns_of(User)).where(*(_CONDITIONS[name] for name in names))
    return Listing(query, (User.created_at, User.id), UserRow, is_slow=names not in {(), ("user_id",)})


def _job_counts() -> Statement[JobCount]:
    asked = func.unnest(listed("users", Uuid())).table_valued(column("id", Uuid)).render_derived("asked")
    some = select(VideoJob.user_id).where(VideoJob.user_id == asked.c.id).limit(MOST_JOBS_COUNTED).lateral()
    query = select(asked.c.id, func.count(some.c.user_id)).select_from(asked).outerjoin(some, true())
    return Statement(query.group_by(asked.c.id), JobCount)


_JOB_COUNTS = _job_counts()


async def job_counts(reader: Reader, user_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Count the jobs of many accounts."""
    return {row.id: row.count for row in await reader.fetch(_JOB_COUNTS, users=list(dict.fromkeys(user_ids)))}
