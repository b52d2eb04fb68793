"""Statements on the operator's pauses of creations. A creation reads them with what else decides about it."""

from sqlalchemy import ScalarSelect, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from db.engine.statements import Reader, Row, Statement, Writer, spelled
from db.enums import PauseScope
from db.tables import CreationPause


class PauseRow(Row):
    """A pause, and why it is."""

    scope: str
    reason: str


_ROW = PauseRow.columns_of(CreationPause)
_ALL = Statement(select(*_ROW).order_by(CreationPause.scope), PauseRow)
_BEGUN = insert(CreationPause).values(scope=bindparam("scope"), reason=bindparam("reason"))
_BEGIN = Statement(
    _BEGUN.on_conflict_do_update(index_elements=["scope"], set_={"reason": _BEGUN.excluded.reason, "since": func.now()})
)
_END = Statement(delete(CreationPause).returning(*_ROW), PauseRow)


def reason_of(scope: PauseScope) -> ScalarSelect[str]:
    """Return what reads why a scope is paused, to be part of a statement; null where it is not."""
    is_scope = CreationPause.scope == spelled(scope)
    return select(CreationPause.reason).where(is_scope).scalar_subquery()


async def begin(writer: Writer, scope: PauseScope, reason: str) -> None:
    """Pause creations of a scope; one that is paused gets another reason."""
    await writer.fetch(_BEGIN, scope=scope, reason=reason)


async def end(writer: Writer) -> list[PauseRow]:
    """End all pauses; return those that there were."""
    return await writer.fetch(_END)


async def current(reader: Reader) -> list[PauseRow]:
    """Read all pauses."""
    return await reader.fetch(_ALL)
