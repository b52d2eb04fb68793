"""Accounts with their ledger, looks with their products, video jobs with their logs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("tokens >= 0", name=op.f("ck_users_tokens_never_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index(op.f("ix_users_email"), "users", ["email"], unique=False)
    op.create_table(
        "looks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("generated_image_url", sa.Text(), nullable=False),
        sa.Column("visibility", sa.Text(), server_default=sa.text("'private'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("visibility IN ('private', 'shared', 'public')", name=op.f("ck_looks_visibility")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_looks_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_looks")),
    )
    op.create_index(
        "ix_looks_newest_first",
        "looks",
        ["user_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_table(
        "token_ledger",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("balance_after", sa.Integer(), nullable=False),
        sa.Column("video_job_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("(kind = 'CHARGE') = (amount < 0)", name=op.f("ck_token_ledger_only_charges_take")),
        sa.CheckConstraint("kind IN ('WELCOME', 'GRANT', 'CHARGE', 'REFUND')", name=op.f("ck_token_ledger_kind")),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_token_ledger_amount_not_zero")),
        sa.CheckConstraint("balance_after >= 0", name=op.f("ck_token_ledger_balance_never_negative")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_token_ledger_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_ledger")),
    )
    op.create_index(
        "ix_token_ledger_newest_first",
        "token_ledger",
        ["user_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "uq_token_ledger_once_per_job",
        "token_ledger",
        ["video_job_id", "kind"],
        unique=True,
        postgresql_where=sa.text("video_job_id IS NOT NULL"),
    )
    op.create_index(
        "uq_token_ledger_one_welcome",
        "token_ledger",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'WELCOME'"),
    )
    op.create_table(
        "video_jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("aspect_ratio", sa.Text(), nullable=False),
        sa.Column("duration_seconds", sa.SmallInteger(), nullable=False),
        sa.Column("generate_audio", sa.Boolean(), nullable=False),
        sa.Column("mock_mode", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'PENDING'"), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("progress_percentage", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cloudinary_url", sa.Text(), nullable=True),
        sa.Column("tokens_consumed", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("submission", sa.Text(), server_default=sa.text("'NEW'"), nullable=False),
        sa.Column("operation_name", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("faults", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(status = 'FAILED') = (error_message IS NOT NULL)", name=op.f("ck_video_jobs_error_exactly_when_failed")
        ),
        sa.CheckConstraint(
            "(status = 'SUCCEEDED') = (cloudinary_url IS NOT NULL)",
            name=op.f("ck_video_jobs_url_exactly_when_succeeded"),
        ),
        sa.CheckConstraint(
            "(status IN ('SUCCEEDED', 'FAILED', 'CANCELLED')) = (completed_at IS NOT NULL)",
            name=op.f("ck_video_jobs_completed_exactly_when_terminal"),
        ),
        sa.CheckConstraint(
            "(submission = 'SENT') = (operation_name IS NOT NULL)", name=op.f("ck_video_jobs_named_exactly_when_sent")
        ),
        sa.CheckConstraint(
            "status IN ('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')", name=op.f("ck_video_jobs_status")
        ),
        sa.CheckConstraint("submission IN ('NEW', 'SENDING', 'SENT')", name=op.f("ck_video_jobs_submission")),
        sa.CheckConstraint("progress_percentage BETWEEN 0 AND 100", name=op.f("ck_video_jobs_progress_percentage")),
        sa.CheckConstraint("tokens_consumed >= 0", name=op.f("ck_video_jobs_tokens_consumed")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_video_jobs_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video_jobs")),
    )
    op.create_index(
        "ix_video_jobs_active",
        "video_jobs",
        ["user_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('PENDING', 'RUNNING')"),
    )
    op.create_index(
        "ix_video_jobs_newest_first",
        "video_jobs",
        ["user_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.Text(), nullable=False),
        sa.Column("video_job_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_idempotency_keys_user_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["video_job_id"],
            ["video_jobs.id"],
            name=op.f("fk_idempotency_keys_video_job_id_video_jobs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)
    op.create_index(op.f("ix_idempotency_keys_video_job_id"), "idempotency_keys", ["video_job_id"], unique=False)
    op.create_table(
        "look_shares",
        sa.Column("look_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["look_id"], ["looks.id"], name=op.f("fk_look_shares_look_id_looks"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_look_shares_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("look_id", "user_id", name=op.f("pk_look_shares")),
    )
    op.create_index(op.f("ix_look_shares_user_id"), "look_shares", ["user_id"], unique=False)
    op.create_table(
        "products",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("look_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("designer", sa.Text(), nullable=True),
        sa.Column("price", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("product_url", sa.Text(), nullable=True),
        sa.Column("thumbnail_url", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["look_id"], ["looks.id"], name=op.f("fk_products_look_id_looks"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
    )
    op.create_index("ix_products_in_order", "products", ["look_id", "position"], unique=False)
    op.create_table(
        "video_job_logs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("video_job_id", sa.Uuid(), nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.CheckConstraint("level IN ('INFO', 'WARNING', 'ERROR')", name=op.f("ck_video_job_logs_level")),
        sa.ForeignKeyConstraint(
            ["video_job_id"],
            ["video_jobs.id"],
            name=op.f("fk_video_job_logs_video_job_id_video_jobs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video_job_logs")),
    )
    op.create_index("ix_video_job_logs_in_order", "video_job_logs", ["video_job_id", "id"], unique=False)
