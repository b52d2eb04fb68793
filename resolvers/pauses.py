"""Pauses of creations, which operators begin and end."""

from db import pauses
from db.engine.statements import Writer
from db.enums import AuditAction, PauseScope
from db.pauses import PauseRow
from resolvers.audit import LONGEST_REASON, Act, record
from resolvers.texts import required_text


async def begin(writer: Writer, scope: PauseScope, reason: str) -> None:
    """Refuse creations of a scope from now on, for that reason.

    Raises:
        InvalidInput: there is no reason, or it is too long

    """
    text = required_text(reason, "reason", LONGEST_REASON)
    await pauses.begin(writer, scope, text)
    await record(writer, None, Act(AuditAction.PAUSE_CREATIONS, reason=text, details=scope))


async def end(writer: Writer) -> list[PauseRow]:
    """End all pauses; return those that there were."""
    ended = await pauses.end(writer)
    for pause in ended:
        await record(writer, None, Act(AuditAction.RESUME_CREATIONS, details=pause.scope))
    return ended
