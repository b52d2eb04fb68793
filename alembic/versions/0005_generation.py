"""Real generation: submits at a pace, images, posters, and files that are to go."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"

MOMENT = sa.DateTime(timezone=True)


def new_columns() -> list[sa.Column[Any]]:
    """Return what the jobs get; a column belongs to one statement."""
    return [
        sa.Column("progress_is_estimated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("thumbnail_url", sa.Text()),
        sa.Column("video_duration_seconds", sa.Double()),
        sa.Column("video_size_bytes", sa.BigInteger()),
        sa.Column("video_width", sa.Integer()),
        sa.Column("video_height", sa.Integer()),
        sa.Column("submit_not_before", MOMENT),
        sa.Column("submitted_at", MOMENT),
        sa.Column("submit_errors", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default=sa.text("1"), nullable=False),
    ]


def upgrade() -> None:
    """Apply."""
    for column in new_columns():
        op.add_column("video_jobs", column)
    op.create_check_constraint(op.f("ck_video_jobs_at_most_two_generations"), "video_jobs", "attempt BETWEEN 1 AND 2")
    op.create_index(
        "ix_video_jobs_waiting", "video_jobs", ["created_at", "id"], postgresql_where=sa.text("status = 'PENDING'")
    )
    op.create_index(
        "ix_video_jobs_run_times",
        "video_jobs",
        ["model", "mock_mode", sa.literal_column("completed_at DESC")],
        postgresql_where=sa.text("status = 'SUCCEEDED'"),
    )
    op.create_table(
        "video_job_images",
        sa.Column("video_job_id", sa.Uuid(), sa.ForeignKey("video_jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("role", sa.Text(), primary_key=True),
        sa.Column("position", sa.SmallInteger(), primary_key=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.CheckConstraint("role IN ('INITIAL', 'END', 'REFERENCE')", name=op.f("ck_video_job_images_role")),
    )
    op.create_table(
        "file_removals",
        sa.Column("address", sa.Text(), primary_key=True),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.create_index("ix_file_removals_due_at", "file_removals", ["due_at"])
    op.create_table(
        "submission_pace",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("next_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.Column("blocked_until", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.Column("trouble", sa.Text()),
        sa.CheckConstraint("id = 1", name=op.f("ck_submission_pace_one_row")),
    )
    op.execute("INSERT INTO submission_pace (id) VALUES (1)")
    # With the usual sample of 100 values, one rare word among them makes the planner believe in 1 % of all looks, and
    # walk along the newest ones instead of using the trigrams.
    op.execute("ALTER TABLE looks ALTER COLUMN search_text SET STATISTICS 1000")
