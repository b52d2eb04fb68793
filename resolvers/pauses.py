"""Pauses of creations, which admins and operators begin and end."""

from auth.caller import Caller
from db import pauses
from db.engine.statements import Writer
from db.enums import AuditAction, PauseScope
from db.pauses import PauseRow
from resolvers.audit import LONGEST_REASON, Act, checked_reason, record
from resolvers.texts import required_text


async def begin(writer: Writer, caller: Caller, scope: PauseScope, reason: str) -> list[PauseRow]:
    """Refuse creations of a scope from now on, for that reason; return all pauses that there are then.

    Raises AdminRequired, and InvalidInput: there is no reason, or it is too long.
    """
    caller.require_admin()
    text = required_text(reason, "reason", LONGEST_REASON)
    await pauses.begin(writer, scope, text)
    await record(writer, caller, Act(AuditAction.PAUSE_CREATIONS, reason=text, details=scope))
    return await pauses.current(writer)


async def end(writer: Writer, caller: Caller, reason: str | None = None) -> list[PauseRow]:
    """End all pauses; return those that there were; raises AdminRequired, InvalidInput."""
    caller.require_admin()
    text = checked_reason(reason)
    ended = await pauses.end(writer)
    for pause in ended:
        await record(writer, caller, Act(AuditAction.RESUME_CREATIONS, reason=text, details=pause.scope))
    return ended
