"""What admins and operators do to what is not their own is on record, in the transaction that does it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from auth.caller import Caller, Role
from db import audit
from db.audit import AuditFilter
from db.engine.statements import Writer
from db.enums import AuditAction, AuditActor
from resolvers.texts import NOBODYS, checked_text, distinct, id_or_nothing, in_utc

LONGEST_REASON = 500
# Whoever is at the command line: may see and end what is anybody's. Nothing is written under this id.
OPERATOR = Caller(NOBODYS, None, Role.ADMIN)


class Act(NamedTuple):
    """What was done, to whom, to which of their jobs or looks, and why."""

    action: AuditAction
    user_id: UUID | None = None
    object_id: UUID | None = None
    reason: str | None = None
    details: str | None = None


def checked_reason(reason: str | None) -> str | None:
    """Return why an admin acts, None where they do not say; raises `InvalidInput`."""
    return checked_text(reason, "reason", LONGEST_REASON)


async def record(writer: Writer, admin: Caller, act: Act) -> None:
    """Write down what an admin or `OPERATOR` does."""
    by: dict[str, object] = {"actor": AuditActor.ADMIN, "actor_id": admin.user_id, "actor_email": admin.email}
    if admin == OPERATOR:
        by = {"actor": AuditActor.OPERATOR, "actor_id": None, "actor_email": None}
    await audit.add(writer, {"id": uuid7()} | by | act._asdict())


async def record_if_others(writer: Writer, caller: Caller, act: Act) -> None:
    """Write down what a caller does to what is not their own, which only admins can."""
    if act.user_id != caller.user_id:
        await record(writer, caller, act)


def listed(  # noqa: PLR0913 - one for each filter
    caller: Caller,
    *,
    actions: Sequence[AuditAction] | None = None,
    actor_id: str | None = None,
    user_id: str | None = None,
    object_id: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
) -> AuditFilter:
    """Return which acts are wanted; all that is not None has to hold; raises AdminRequired, InvalidInput."""
    caller.require_admin()
    return AuditFilter(
        actions=distinct(actions, "action"),
        actor_id=id_or_nothing(actor_id),
        user_id=id_or_nothing(user_id),
        object_id=id_or_nothing(object_id),
        created_after=in_utc(created_after, "createdAfter"),
        created_before=in_utc(created_before, "createdBefore"),
    )
