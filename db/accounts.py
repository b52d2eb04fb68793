"""Statements on accounts: a user's row with the balance and the period on it. What changes balances: `db.ledger`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Interval, Select, Uuid, bindparam, column, func, null, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert

from db.engine.paging import ESCAPE, Listing, Selection, containing
from db.engine.statements import MOST, Counted, Id, Reader, Row, Statement, Writer, among, listed
from db.tables import User, VideoJob

# Where counting one account's jobs ends.
MOST_JOBS_COUNTED = 10_000


class Account(Row):
    """A user with the balance in tokens, the tier, and what was used in its period and ever."""

    id: UUID
    email: str | None
    tokens: int
    tier: str
    period_start: datetime
    period_end: datetime
    spent: int
    lifetime_spent: int
    created_at: datetime


class AccountState(Row):
    """What an account's row says of its status and role, as tokens spell them."""

    id: UUID
    status: str
    role: str


class Profile(Row):
    """Who a user is."""

    id: UUID
    email: str | None
    name: str | None


class UserRow(Account):
    """All of an account."""

    name: str | None
    status: str
    role: str


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


_ACCOUNT = Account.columns_of(User)
_GET = Statement(select(*_ACCOUNT).where(User.id == bindparam("user")), Account)
_INSERT = Statement(
    insert(User)
    .values(id=bindparam("user"), email=bindparam("email"), period_end=func.now() + bindparam("period", type_=Interval))
    .on_conflict_do_nothing()
    .returning(*_ACCOUNT),
    Account,
)
_BY_EMAIL = Statement(
    select(User.id).where(User.email == bindparam("email")).order_by(User.created_at, User.id).limit(MOST),
    Id,
)
_SET_EMAIL = Statement(update(User).where(User.id == bindparam("user")).values(email=bindparam("email")))
_FORGET = Statement(update(User).where(User.id == bindparam("user")).values(email=null(), name=null(), role="user"))
_PROFILES = Statement(select(*Profile.columns_of(User)).where(User.id == among("users")), Profile)
_STATE = (User.id, User.status, User.role)
_SPECIAL = Statement(select(*_STATE).where(or_(User.status != "active", User.role != "user")), AccountState)
_STATE_OF = Statement(select(*_STATE).where(User.id == bindparam("user")), AccountState)
_SET_STATUS, _SET_ROLE = (
    Statement(
        update(User).where(User.id == bindparam("user")).values({name: bindparam("now")}).returning(*_STATE),
        AccountState,
    )
    for name in ("status", "role")
)
_SET_PERIOD = Statement(
    update(User)
    .where(User.id == bindparam("user"))
    .values(tier=bindparam("tier"), period_start=bindparam("start"), period_end=bindparam("end"), spent=0)
)
_DUE = Statement(
    select(User.id)
    .where(User.tier == bindparam("tier"), User.period_end <= func.now())
    .order_by(User.period_end)
    .limit(MOST),
    Id,
)


async def get(reader: Reader, user_id: UUID) -> Account | None:
    """Read one account."""
    return await reader.first(_GET, user=user_id)


async def profiles(reader: Reader, user_ids: Sequence[UUID]) -> dict[UUID, Profile]:
    """Read who users are; those without an account are missing."""
    return {row.id: row for row in await reader.fetch(_PROFILES, users=user_ids)}


async def ids_by_email(reader: Reader, email: str, limit: int) -> list[UUID]:
    """Return who has that address, oldest first: identity providers may have given it to several."""
    return [found.id for found in await reader.fetch(_BY_EMAIL, email=email, most=limit)]


async def insert_if_missing(writer: Writer, user_id: UUID, email: str | None, period: timedelta) -> bool:
    """Make the account's row with no tokens and a period of that length.

    Return whether it is new; of many callers at once one is told so.
    """
    return await writer.first(_INSERT, user=user_id, email=email, period=period) is not None


async def set_email(writer: Writer, user_id: UUID, email: str) -> None:
    """Follow the identity provider's change of address."""
    await writer.fetch(_SET_EMAIL, user=user_id, email=email)


async def forget(writer: Writer, user_id: UUID) -> None:
    """Take away who it was; the row stays, for the ledger."""
    await writer.fetch(_FORGET, user=user_id)


async def special_states(reader: Reader) -> list[AccountState]:
    """Read all accounts that are not active users; an index has them, and few accounts are."""
    return await reader.fetch(_SPECIAL)


async def state(reader: Reader, user_id: UUID) -> AccountState | None:
    """Read an account's status and role."""
    return await reader.first(_STATE_OF, user=user_id)


async def set_status(writer: Writer, user_id: UUID, status: str) -> AccountState | None:
    """Set an account's status; None where there is no such account."""
    return await writer.first(_SET_STATUS, user=user_id, now=status)


async def set_role(writer: Writer, user_id: UUID, role: str) -> AccountState | None:
    """Set an account's role; None where there is no such account."""
    return await writer.first(_SET_ROLE, user=user_id, now=role)


async def set_period(writer: Writer, user_id: UUID, tier: str, start: datetime, end: datetime) -> None:
    """Begin a period of an account in a tier, with nothing used in it yet."""
    await writer.fetch(_SET_PERIOD, user=user_id, tier=tier, start=start, end=end)


async def with_ended_period(reader: Reader, tier: str, limit: int) -> list[UUID]:
    """Return some accounts of a tier whose period has ended, the oldest first."""
    return [found.id for found in await reader.fetch(_DUE, tier=tier, most=limit)]


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


def _job_counts() -> Statement[Counted]:
    asked = func.unnest(listed("users", Uuid())).table_valued(column("id", Uuid)).render_derived("asked")
    some = select(VideoJob.user_id).where(VideoJob.user_id == asked.c.id).limit(MOST_JOBS_COUNTED).lateral()
    query = select(asked.c.id, func.count(some.c.user_id)).select_from(asked).outerjoin(some, true())
    return Statement(query.group_by(asked.c.id), Counted)


_JOB_COUNTS = _job_counts()


async def job_counts(reader: Reader, user_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Count the jobs of many accounts, up to `MOST_JOBS_COUNTED` of each."""
    return await reader.numbers(_JOB_COUNTS, users=list(dict.fromkeys(user_ids)))
