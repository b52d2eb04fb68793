"""Statements on the ledger: locking accounts, every change of a balance with its entry, and reading entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Integer, Text, Uuid, bindparam, func, null, select, true, update
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from db.accounts import Account
from db.engine.paging import Listing, Selection
from db.engine.statements import Flag, Reader, Row, Statement, Writer, among, spelled, texts
from db.enums import ActorKind, LedgerEntryKind
from db.tables import LedgerEntry, User

# Any number will do, as long as every process uses the same one.
SPENDING_LOCK = 0x10_0C_4EE3


class Actor(NamedTuple):
    """Who causes an entry, with their address at that time where an admin or a key does."""

    kind: ActorKind
    id: UUID | None = None
    email: str | None = None


SYSTEM = Actor(ActorKind.SYSTEM)


@dataclass(frozen=True)
class Entry:
    """An entry to be written; amounts are in tokens.

    `spent` is by how much the account's use in this period changes, `lifetime_spent` its use altogether.
    """

    kind: LedgerEntryKind
    amount: int
    actor: Actor = SYSTEM
    spent: int = 0
    lifetime_spent: int = 0
    uncharged: int = 0
    operation: str | None = None
    description: str | None = None
    reference: str | None = None

    def parameters(self, user_id: UUID) -> dict[str, object]:
        """Return what `balance_changed` takes, but for the job."""
        by = {"actor": self.actor.kind, "actor_id": self.actor.id, "actor_email": self.actor.email}
        return {"user": user_id, "entry": uuid7(), **vars(self), **by}


class LedgerRow(Row):
    """What is shown of a ledger's entry."""

    id: UUID
    user_id: UUID
    kind: str
    amount: int
    uncharged: int
    balance_before: int
    balance_after: int
    operation: str | None
    description: str | None
    reference: str | None
    actor: str
    actor_email: str | None
    video_job_id: UUID | None
    created_at: datetime


@dataclass(frozen=True)
class Ledger(Selection[LedgerRow]):
    """A user's entries, of these kinds if any are given."""

    user_id: UUID
    kinds: Sequence[LedgerEntryKind] | None = None

    async def listing(self, _reader: Reader) -> Listing[LedgerRow]:
        """See `Selection`. One kind is another statement than several: an index has it in order."""
        if self.kinds is None:
            return _LEDGER
        return _LEDGER_OF_KIND if len(self.kinds) == 1 else _LEDGER_OF_KINDS

    def values(self) -> dict[str, object]:
        """Return the statement's parameters."""
        owner: dict[str, object] = {"owner": self.user_id}
        if self.kinds is None:
            return owner
        return owner | ({"kind": self.kinds[0]} if len(self.kinds) == 1 else {"kinds": list(self.kinds)})


_ENTRY = LedgerRow.columns_of(LedgerEntry)


IS_USE = LedgerEntry.kind.in_([spelled(kind) for kind in (LedgerEntryKind.CHARGE, LedgerEntryKind.REFUND)])
_FORGET = Statement(
    update(LedgerEntry).where(LedgerEntry.user_id == bindparam("user"), IS_USE).values(description=null())
)


def balance_changed(job: ColumnElement[Any]) -> CTE:
    """Return what changes a balance and returns the entry, to be part of a statement.

    Its parameters are those of `Entry.parameters`; `job` is the job that it is for.
    """
    amount = bindparam("amount", type_=Integer)
    changed = (
        update(User)
        .where(User.id == bindparam("user"))
        .values(
            tokens=User.tokens + amount,
            # A period may begin in the past, at the last one's end: then refunds may be of more than was used in it.
            spent=func.greatest(User.spent + bindparam("spent"), 0),
            lifetime_spent=User.lifetime_spent + bindparam("lifetime_spent"),
        )
        .returning(User.id, User.tokens)
        .cte("changed")
    )
    texts = ("operation", "description", "reference", "actor", "actor_email")
    values = {
        "id": bindparam("entry", type_=Uuid),
        "user_id": changed.c.id,
        "kind": bindparam("kind", type_=Text),
        "amount": amount,
        "uncharged": bindparam("uncharged", type_=Integer),
        "balance_after": changed.c.tokens,
        "video_job_id": job,
        "actor_id": bindparam("actor_id", type_=Uuid),
    } | {name: bindparam(name, type_=Text) for name in texts}
    entry = insert(LedgerEntry).from_select(list(values), select(*values.values()))
    return entry.returning(*(column.label(name) for name, column in zip(LedgerRow.columns(), _ENTRY, strict=True))).cte(
        "entry"
    )


_changed = balance_changed(bindparam("job", type_=Uuid))
_RECORD = Statement(select(*(_changed.c[name] for name in LedgerRow.columns())), LedgerRow)
_OWN = select(*_ENTRY).where(LedgerEntry.user_id == bindparam("owner"))
_ORDER = (LedgerEntry.created_at, LedgerEntry.id)
_LEDGER = Listing(_OWN, _ORDER, LedgerRow)
_IS_OF_KINDS = LedgerEntry.kind == texts("kinds")
_LEDGER_OF_KINDS = Listing(_OWN.where(_IS_OF_KINDS), _ORDER, LedgerRow)
_LEDGER_OF_KIND = Listing(_OWN.where(LedgerEntry.kind == bindparam("kind")), _ORDER, LedgerRow)
_OF_JOBS = Statement(
    select(*_ENTRY).where(LedgerEntry.video_job_id == among("jobs")).order_by(LedgerEntry.created_at), LedgerRow
)
_BY_ID = Statement(select(*_ENTRY).where(LedgerEntry.id == bindparam("entry")), LedgerRow)
_BY_REFERENCE = Statement(select(*_ENTRY).where(LedgerEntry.reference == bindparam("reference")), LedgerRow)
_LOCK_ACCOUNT = Statement(
    select(*Account.columns_of(User)).where(User.id == bindparam("user")).with_for_update(key_share=True), Account
)
_LOCK = Statement(
    select(true()).select_from(
        func.pg_advisory_xact_lock(
            bindparam("space", type_=Integer), func.hashtext(bindparam("name", type_=Text))
        ).table_valued("locked")
    ),
    Flag,
)


async def lock(writer: Writer, user_id: UUID) -> Account | None:
    """Read one account and keep every other writer of it waiting until the transaction ends.

    NO KEY, so that foreign keys to the account are checked meanwhile: PostgreSQL does so also for a job's row that is
    updated twice in a transaction, whose lock would then come before the account's.
    """
    return await writer.first(_LOCK_ACCOUNT, user=user_id)


async def forget(writer: Writer, user_id: UUID) -> None:
    """Take away what was said of an account's use, such as prompts; amounts and operations stay, for the books."""
    await writer.fetch(_FORGET, user=user_id)


async def record(writer: Writer, user_id: UUID, entry: Entry, *, video_job_id: UUID | None = None) -> LedgerRow:
    """Change a balance with its entry; return the entry.

    Raises:
        asyncpg.IntegrityConstraintViolationError: when the balance would go below zero, or the job or the reference has
            such an entry already.
        LookupError: there is no such account.

    """
    row = await writer.first(_RECORD, **entry.parameters(user_id), job=video_job_id)
    if row is None:
        raise LookupError(f"There is no account {user_id}")
    writer.tokens[entry.kind] += abs(entry.amount)
    return row


async def of_jobs(reader: Reader, video_job_ids: Sequence[UUID]) -> list[LedgerRow]:
    """Read the charges and refunds of many jobs, oldest first."""
    return await reader.fetch(_OF_JOBS, jobs=video_job_ids)


async def get(reader: Reader, entry_id: UUID) -> LedgerRow | None:
    """Read one entry."""
    return await reader.first(_BY_ID, entry=entry_id)


async def by_reference(writer: Writer, reference: str) -> list[LedgerRow]:
    """Read the grant and the adjustment of that reference; nobody else writes such until the transaction ends."""
    await writer.fetch(_LOCK, space=SPENDING_LOCK + 1, name=reference)
    return await writer.fetch(_BY_REFERENCE, reference=reference)


async def lock_spending(writer: Writer) -> None:
    """Let one creation after the other ask what all have spent, until the transaction ends."""
    await writer.fetch(_LOCK, space=SPENDING_LOCK, name="")
