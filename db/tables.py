"""The tables. Relations are never loaded lazily: there are none, every read is a statement in this package."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Numeric,
    SmallInteger,
    Text,
    desc,
    func,
    text,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class VideoJobStatus(StrEnum):
    """Where a job stands, as both wires spell it (`contract.md`, 'The job')."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing follows this status."""
        return self not in ACTIVE_STATUSES


ACTIVE_STATUSES = (VideoJobStatus.PENDING, VideoJobStatus.RUNNING)


class Submission(StrEnum):
    """How far handing the job to the generator got. SENDING without a name may have been paid for already."""

    NEW = "NEW"
    SENDING = "SENDING"
    SENT = "SENT"


class LogLevel(StrEnum):
    """Severity of a line in a job's log."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class LedgerEntryKind(StrEnum):
    """Why a balance changed."""

    WELCOME = "WELCOME"
    GRANT = "GRANT"
    CHARGE = "CHARGE"
    REFUND = "REFUND"
    ADJUSTMENT = "ADJUSTMENT"
    RESET = "RESET"
    TIER_CHANGE = "TIER_CHANGE"


class ActorKind(StrEnum):
    """Who caused a ledger's entry: the account's own user, an admin, an API key, or Lookreel itself."""

    USER = "USER"
    ADMIN = "ADMIN"
    KEY = "KEY"
    SYSTEM = "SYSTEM"


class PauseScope(StrEnum):
    """Which creations a pause refuses: all of them, or those of real videos."""

    ALL = "ALL"
    REAL = "REAL"


class ImageRole(StrEnum):
    """What an image is for in a video."""

    INITIAL = "INITIAL"
    END = "END"
    REFERENCE = "REFERENCE"


class Visibility(StrEnum):
    """Who may see a look besides its owner and admins."""

    PRIVATE = "private"
    SHARED = "shared"
    PUBLIC = "public"


def one_of(column: str, members: type[StrEnum]) -> CheckConstraint:
    """Allow just the members of an enumeration; a check is altered without a lock, a PostgreSQL enum type is not."""
    values = ", ".join(f"'{member.value}'" for member in members)
    return CheckConstraint(f"{column} IN ({values})", name=column)


class Base(DeclarativeBase):
    """Common ground: constraint names that Alembic can drop, text without a length, times with a zone."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: Text, datetime: DateTime(timezone=True)}  # noqa: RUF012 - SQLAlchemy's own protocol


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
        Index("ix_users_tier_period_end", "tier", "period_end"),
        CheckConstraint("status IN ('active', 'pending', 'suspended')", name="status"),
        CheckConstraint("role IN ('user', 'admin')", name="role"),
        Index("ix_users_special", "id", postgresql_where=text("status <> 'active' OR role <> 'user'")),
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
        Index("uq_token_ledger_one_welcome", "user_id", unique=True, postgresql_where=text("kind = 'WELCOME'")),
        # A job is charged once and refunded once, whatever any process does twice.
        Index(
            "uq_token_ledger_once_per_job",
            "video_job_id",
            "kind",
            unique=True,
            postgresql_where=text("video_job_id IS NOT NULL"),
        ),
        # A payment is credited once, whatever its provider repeats.
        Index(
            "uq_token_ledger_once_per_reference",
            "reference",
            "kind",
            unique=True,
            postgresql_where=text("reference IS NOT NULL"),
        ),
        Index("ix_token_ledger_newest_first", "user_id", desc("created_at"), desc("id")),
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


class Look(Base):
    """An image with the products on it."""

    __tablename__ = "looks"
    __table_args__ = (
        one_of("visibility", Visibility),
        Index("ix_looks_newest_first", "user_id", desc("created_at"), desc("id")),
        Index("ix_looks_all_newest_first", desc("created_at"), desc("id")),
        Index(
            "ix_looks_public_newest_first",
            desc("created_at"),
            desc("id"),
            postgresql_where=text("visibility = 'public'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str | None]
    notes: Mapped[str | None]
    generated_image_url: Mapped[str]
    visibility: Mapped[str] = mapped_column(server_default=text("'private'"))
    # Title, notes, product names and skus in lower case: what a search looks at, by trigrams where it can.
    search_text: Mapped[str] = mapped_column(server_default=text("''"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Product(Base):
    """A thing worn in a look, in the order the owner gave."""

    __tablename__ = "products"
    __table_args__ = (Index("ix_products_in_order", "look_id", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    look_id: Mapped[UUID] = mapped_column(ForeignKey("looks.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(SmallInteger)
    sku: Mapped[str | None]
    name: Mapped[str]
    designer: Mapped[str | None]
    price: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    product_url: Mapped[str | None]
    thumbnail_url: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LookShare(Base):
    """Lets one more user see a look whose visibility is `shared`, once there is a user of that id."""

    __tablename__ = "look_shares"

    look_id: Mapped[UUID] = mapped_column(ForeignKey("looks.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True, index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class VideoJob(Base):
    """A request for a video and its way to a stored file: the one truth about a job, whatever the queue says."""

    __tablename__ = "video_jobs"
    __table_args__ = (
        one_of("status", VideoJobStatus),
        one_of("submission", Submission),
        CheckConstraint("progress_percentage BETWEEN 0 AND 100", name="progress_percentage"),
        CheckConstraint("tokens_consumed >= 0", name="tokens_consumed"),
        CheckConstraint("(status = 'SUCCEEDED') = (cloudinary_url IS NOT NULL)", name="url_exactly_when_succeeded"),
        CheckConstraint("(status = 'FAILED') = (error_message IS NOT NULL)", name="error_exactly_when_failed"),
        CheckConstraint(
            "(status IN ('SUCCEEDED', 'FAILED', 'CANCELLED')) = (completed_at IS NOT NULL)",
            name="completed_exactly_when_terminal",
        ),
        CheckConstraint("(submission = 'SENT') = (operation_name IS NOT NULL)", name="named_exactly_when_sent"),
        CheckConstraint("attempt BETWEEN 1 AND 2", name="at_most_two_generations"),
        Index("ix_video_jobs_newest_first", "user_id", desc("created_at"), desc("id")),
        Index("ix_video_jobs_active", "user_id", postgresql_where=text("status IN ('PENDING', 'RUNNING')")),
        Index("ix_video_jobs_waiting", "created_at", "id", postgresql_where=text("status = 'PENDING'")),
        Index(
            "ix_video_jobs_sent",
            "provider",
            postgresql_where=text("status IN ('PENDING', 'RUNNING') AND submission <> 'NEW'"),
        ),
        Index(
            "ix_video_jobs_run_times",
            "model",
            "mock_mode",
            desc("completed_at"),
            postgresql_where=text("status = 'SUCCEEDED'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    prompt: Mapped[str | None]
    model: Mapped[str]
    resolution: Mapped[str]
    aspect_ratio: Mapped[str]
    duration_seconds: Mapped[int] = mapped_column(SmallInteger)
    generate_audio: Mapped[bool]
    mock_mode: Mapped[bool]
    status: Mapped[str] = mapped_column(server_default=text("'PENDING'"))
    status_message: Mapped[str]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    progress_percentage: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    # Whether the percentage is reckoned from recent run times instead of told by the generator.
    progress_is_estimated: Mapped[bool] = mapped_column(server_default=text("false"))
    cloudinary_url: Mapped[str | None]
    # The stored video's poster, length in seconds, size in bytes, and dimensions in pixels.
    thumbnail_url: Mapped[str | None]
    video_duration_seconds: Mapped[float | None] = mapped_column(Double)
    video_size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    video_width: Mapped[int | None]
    video_height: Mapped[int | None]
    tokens_consumed: Mapped[int]
    # Counted up at each change: the order of events, the ETag, and what every transition compares before it sets.
    version: Mapped[int] = mapped_column(server_default=text("1"))
    submission: Mapped[str] = mapped_column(server_default=text("'NEW'"))
    # Who the job is being sent, or was sent, to. None also where a release before 0007 has sent it.
    provider: Mapped[str | None]
    operation_name: Mapped[str | None]
    # When the fleet's pace lets the job be sent.
    submit_not_before: Mapped[datetime | None]
    submitted_at: Mapped[datetime | None]
    # How often the generator answered a submit with an error of its own.
    submit_errors: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    # Which generation this is: a second one where the generator gave up the first for a reason of its own.
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    # The run that follows the job now. PgQueuer has no fencing: a stalled worker finds another name here and stops.
    run_id: Mapped[UUID | None]
    # How often a fault of ours stopped a run: counted here, since the queue also counts jobs that were handed over.
    faults: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class VideoJobLog(Base):
    """One line of a job's log, as its owner reads it."""

    __tablename__ = "video_job_logs"
    __table_args__ = (one_of("level", LogLevel), Index("ix_video_job_logs_in_order", "video_job_id", "id"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    video_job_id: Mapped[UUID] = mapped_column(ForeignKey("video_jobs.id", ondelete="CASCADE"))
    # clock_timestamp: two lines of one transaction are still in order.
    timestamp: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    level: Mapped[str]
    message: Mapped[str]


class VideoJobImage(Base):
    """An image that a video is made from. The row stays when the file goes, which it does when the job ends."""

    __tablename__ = "video_job_images"
    __table_args__ = (one_of("role", ImageRole),)

    video_job_id: Mapped[UUID] = mapped_column(ForeignKey("video_jobs.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    address: Mapped[str]
    media_type: Mapped[str]


class VideoJobDeletion(Base):
    """A job that is no more: what is told to followers who were away when it was deleted, for some days."""

    __tablename__ = "video_job_deletions"
    __table_args__ = (Index("ix_video_job_deletions_of_user", "user_id", "deleted_at"),)

    video_job_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    deleted_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class FileRemoval(Base):
    """A stored file that is to go.

    A row is also written before a file is stored, for later, and taken back by the transaction that makes the file
    somebody's: so a crash leaves no file that nobody owns.
    """

    __tablename__ = "file_removals"

    address: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime] = mapped_column(index=True)
    failures: Mapped[int] = mapped_column(server_default=text("0"))


class SubmissionPace(Base):
    """What spaces the fleet's submits to a provider: when the next may go out, and when it is left alone.

    A row is written when there is something to say, so that a missing one means: at once.
    """

    __tablename__ = "submission_pace"

    provider: Mapped[str] = mapped_column(primary_key=True)
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    blocked_until: Mapped[datetime] = mapped_column(server_default=func.now())
    # Why the provider does not let us in, since it last did.
    trouble: Mapped[str | None]


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


class LookVideo(Base):
    """A video shown in a look; at most one of a look's videos is its default."""

    __tablename__ = "look_videos"
    __table_args__ = (Index("uq_look_videos_one_default", "look_id", unique=True, postgresql_where=text("is_default")),)

    look_id: Mapped[UUID] = mapped_column(ForeignKey("looks.id", ondelete="CASCADE"), primary_key=True)
    video_job_id: Mapped[UUID] = mapped_column(
        ForeignKey("video_jobs.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
