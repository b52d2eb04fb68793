"""Whoever creates videos: accounts, their ledger, pauses of creations, repeated requests; what admins did."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, func, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from db.enums import ActorKind, AuditAction, AuditActor, LedgerEntryKind, PauseScope
from db.tables.base import Base, index, one_of


class User(Base):
    """Whoever a token named, with the balance in tokens. Its row is the lock that orders one user's creations.

    `spent` and `lifetime_spent` are what was used in this period and ever, less what was refunded; an account whose
    tier is unlimited uses tokens without paying. The tier's share and rights are the policy's (`resolvers.policy`).
    """

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("tokens >= 0", name="tokens_never_negative"),
        CheckConstraint("spent >= 0 AND lifetime_spent >= 0", name="spent_never_negative"),
        CheckConstraint("period_start < period_end", name="period_begins_before_it_ends"),
        index("ix_users_tier_period_end", "tier", "period_end"),
        CheckConstraint("status IN ('active', 'pending', 'suspended')", name="status"),
        CheckConstraint("role IN ('user', 'admin')", name="role"),
        index("ix_users_newest_first", newest_first=True),
        index("ix_users_special", "id", where="status <> 'active' OR role <> 'user'"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str | None] = mapped_column(index=True)
    name: Mapped[str | None]
    tokens: Mapped[int] = mapped_column(server_default=text("0"))
    tier: Mapped[str] = mapped_column(server_default=text("'free'"))
    period_start: Mapped[datetime] = mapped_column(server_default=func.now())
    period_end: Mapped[datetime] = mapped_column(server_default=text("now() + interval '30 days'"))
    spent: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    lifetime_spent: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    # Spelled as tokens spell them; what a token says counts besides.
    status: Mapped[str] = mapped_column(server_default="active")
    role: Mapped[str] = mapped_column(server_default="user")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LedgerEntry(Base):
    """One change of a balance. The amounts of a user's entries add up to `User.tokens`.

    `uncharged` is what an unlimited account used without paying: such a charge has the amount 0, and so has its refund.
    """

    __tablename__ = "token_ledger"
    __table_args__ = (
        one_of("kind", LedgerEntryKind),
        one_of("actor", ActorKind),
        CheckConstraint("balance_after >= 0 AND balance_after - amount >= 0", name="balance_never_negative"),
        CheckConstraint(
            "CASE kind WHEN 'CHARGE' THEN amount <= 0 WHEN 'REFUND' THEN amount >= 0 WHEN 'ADJUSTMENT' THEN amount <> 0"
            " WHEN 'RESET' THEN true WHEN 'TIER_CHANGE' THEN true ELSE amount > 0 END",
            name="sign_of_amount",
        ),
        CheckConstraint(
            "uncharged = 0 OR (uncharged > 0 AND amount = 0 AND kind IN ('CHARGE', 'REFUND'))",
            name="uncharged_exactly_where_nothing_was_paid",
        ),
        index("uq_token_ledger_one_welcome", "user_id", unique=True, where="kind = 'WELCOME'"),
        # A job is charged once and refunded once, whatever any process does twice.
        index("uq_token_ledger_once_per_job", "video_job_id", "kind", unique=True, where="video_job_id IS NOT NULL"),
        # A payment is credited once, whatever its provider repeats.
        index("uq_token_ledger_once_per_reference", "reference", "kind", unique=True, where="reference IS NOT NULL"),
        index("ix_token_ledger_newest_first", "user_id", newest_first=True),
        index("ix_token_ledger_of_kind", "user_id", "kind", newest_first=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[str]
    amount: Mapped[int]
    uncharged: Mapped[int] = mapped_column(server_default=text("0"))
    balance_after: Mapped[int]
    operation: Mapped[str | None]
    description: Mapped[str | None]
    # What it answers to outside, such as an invoice or a payment.
    reference: Mapped[str | None]
    actor: Mapped[str]
    actor_id: Mapped[UUID | None]
    # As it was then: the actor's account may get another address, or go.
    actor_email: Mapped[str | None]
    # No foreign key: what was paid stays on record when the job is deleted.
    video_job_id: Mapped[UUID | None]
    # clock_timestamp: two entries of one transaction are still in order.
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    @hybrid_property
    def balance_before(self) -> int:
        """Return what there was before, in tokens; it cannot disagree with the amount, since it is not stored."""
        return self.balance_after - self.amount


class CreationPause(Base):
    """Why creations are refused at present, by the operator's will: a row for each scope that is paused."""

    __tablename__ = "creation_pauses"
    __table_args__ = (one_of("scope", PauseScope),)

    scope: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    since: Mapped[datetime] = mapped_column(server_default=func.now())


class IdempotencyKey(Base):
    """What a user's key stood for. Written in the transaction of the work, so a refused request leaves none.

    No foreign keys: a key stays used for its time whatever becomes of the job or the entry. `spent` is the account's
    as the entry left it.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (CheckConstraint("(video_job_id IS NULL) <> (ledger_entry_id IS NULL)", name="stands_for_one"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_digest: Mapped[str]
    video_job_id: Mapped[UUID | None]
    ledger_entry_id: Mapped[UUID | None]
    spent: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class AuditEntry(Base):
    """One act of an admin. No foreign keys: it stays on record when what it was done to goes."""

    __tablename__ = "audit_log"
    __table_args__ = (
        one_of("action", AuditAction),
        one_of("actor", AuditActor),
        CheckConstraint("(actor = 'ADMIN') = (actor_id IS NOT NULL)", name="admins_have_ids"),
        index("ix_audit_log_newest_first", newest_first=True),
        index("ix_audit_log_of_actor", "actor_id", newest_first=True),
        index("ix_audit_log_of_user", "user_id", newest_first=True),
        index("ix_audit_log_of_object", "object_id", newest_first=True),
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
