"""Video jobs and what belongs to them."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Numeric, SmallInteger, desc, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.enums import ContentCredentials, ImageRole, LogLevel, Submission, VideoJobStatus
from db.tables.base import Base, index, one_of


class VideoJob(Base):
    """A request for a video and its way to a stored file: the one truth about a job, whatever the queue says."""

    __tablename__ = "video_jobs"
    __table_args__ = (
        one_of("status", VideoJobStatus),
        one_of("submission", Submission),
        one_of("content_credentials", ContentCredentials),
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
        index("ix_video_jobs_newest_first", "user_id", newest_first=True),
        index("ix_video_jobs_of_status", "user_id", "status", newest_first=True),
        index("ix_video_jobs_all_newest_first", newest_first=True),
        index("ix_video_jobs_all_of_status", "status", newest_first=True),
        index("ix_video_jobs_all_of_error", "error_code", newest_first=True, where="error_code IS NOT NULL"),
        index("ix_video_jobs_active", "user_id", where="status IN ('PENDING', 'RUNNING')"),
        index("ix_video_jobs_waiting", "queue_at", "id", where="status = 'PENDING'"),
        index("ix_video_jobs_sent", "provider", where="status IN ('PENDING', 'RUNNING') AND submission <> 'NEW'"),
        index("ix_video_jobs_run_times", "model", "mock_mode", desc("completed_at"), where="status = 'SUCCEEDED'"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    prompt: Mapped[str | None]
    # What a search looks at where the prompt is not plain ASCII (`db.engine.paging`).
    search_text: Mapped[str | None]
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
    video_duration_seconds: Mapped[float | None]
    video_size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    video_width: Mapped[int | None]
    video_height: Mapped[int | None]
    # Null without a video, and where nobody looked: jobs of before.
    content_credentials: Mapped[str | None]
    tokens_consumed: Mapped[int]
    # Counted up at each change: the order of events, the ETag, and what every transition compares before it sets.
    version: Mapped[int] = mapped_column(server_default=text("1"))
    submission: Mapped[str] = mapped_column(server_default=text("'NEW'"))
    # Who the job is being sent, or was sent, to. None also where a release before 0007 has sent it.
    provider: Mapped[str | None]
    # The model that makes it instead of the one that was asked for, whose generator did not accept it.
    fallback_model: Mapped[str | None]
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
    # When it counts as asked for: later, the more of its user's are in progress (decision 32); in whole seconds.
    queue_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class VideoJobLog(Base):
    """One line of a job's log, as its owner reads it."""

    __tablename__ = "video_job_logs"
    __table_args__ = (one_of("level", LogLevel), index("ix_video_job_logs_in_order", "video_job_id", "id"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    video_job_id: Mapped[UUID] = mapped_column(ForeignKey("video_jobs.id", ondelete="CASCADE"))
    # clock_timestamp: two lines of one transaction are still in order.
    timestamp: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    level: Mapped[str]
    message: Mapped[str]


class VideoJobImage(Base):
    """An image that a video is made from. The row stays when the file goes: `kept_for` after the job's end."""

    __tablename__ = "video_job_images"
    __table_args__ = (one_of("role", ImageRole),)

    video_job_id: Mapped[UUID] = mapped_column(ForeignKey("video_jobs.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    address: Mapped[str]
    media_type: Mapped[str]
    # As was the operator's setting when the job was created.
    kept_for: Mapped[timedelta] = mapped_column(server_default=text("'0'"))
    # 0 where an earlier release has stored it.
    size_bytes: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class VideoJobDeletion(Base):
    """A job that is no more: what is told to followers who were away when it was deleted, for some days."""

    __tablename__ = "video_job_deletions"
    __table_args__ = (index("ix_video_job_deletions_of_user", "user_id", "deleted_at"),)

    video_job_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    deleted_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class LookVideo(Base):
    """A video shown in a look; at most one of a look's videos is its default."""

    __tablename__ = "look_videos"
    __table_args__ = (index("uq_look_videos_one_default", "look_id", unique=True, where="is_default"),)

    look_id: Mapped[UUID] = mapped_column(ForeignKey("looks.id", ondelete="CASCADE"), primary_key=True)
    video_job_id: Mapped[UUID] = mapped_column(
        ForeignKey("video_jobs.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class GenerationCost(Base):
    """What the video of a job has used at its generator, and what that costs by the policy of that time.

    The row stays when the job is deleted: it was paid for.
    """

    __tablename__ = "generation_costs"
    __table_args__ = (index("ix_generation_costs_of_user", "user_id", "created_at"),)

    video_job_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    provider: Mapped[str]
    model: Mapped[str]
    # Of video, as delivered.
    seconds: Mapped[float]
    # By kind, such as `output_video`; empty where the generator reports none.
    tokens: Mapped[dict[str, int]] = mapped_column(JSONB, server_default=text("'{}'"))
    total_tokens: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    # In the policy's currency; null where no rule is about it.
    estimate: Mapped[Decimal | None] = mapped_column(Numeric(14, 6))
    currency: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
