"""What admins and operators did."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, desc, func
from sqlalchemy.orm import Mapped, mapped_column

from db.enums import AuditAction, AuditActor
from db.tables.base import Base, one_of


class AuditEntry(Base):
    """One act of an admin. No foreign keys: it stays on record when what it was done to goes."""

    __tablename__ = "audit_log"
    __table_args__ = (
        one_of("action", AuditAction),
        one_of("actor", AuditActor),
        CheckConstraint("(actor = 'ADMIN') = (actor_id IS NOT NULL)", name="admins_have_ids"),
        Index("ix_audit_log_newest_first", desc("created_at"), desc("id")),
        Index("ix_audit_log_of_actor", "actor_id", desc("created_at"), desc("id")),
        Index("ix_audit_log_of_user", "user_id", desc("created_at"), desc("id")),
        Index("ix_audit_log_of_object", "object_id", desc("created_at"), desc("id")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    action: Mapped[str]
    actor: Mapped[str]
    actor_id: Mapped[UUID | None]
    # As it was then.
    actor_email: Mapped[str | None]
    # Whom it was done to.
    user_id: Mapped[UUID | None]
    # The video job or the look.
    object_id: Mapped[UUID | None]
    reason: Mapped[str | None]
    details: Mapped[str | None]
    # clock_timestamp: two acts of one transaction are still in order.
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
