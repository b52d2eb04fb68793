"""The table that shows a video in a look: a branch of its own, since one call creates just this (`contract.md`)."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = "look_videos"
depends_on: str | Sequence[str] | None = "0001"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "look_videos",
        sa.Column("look_id", sa.Uuid(), nullable=False),
        sa.Column("video_job_id", sa.Uuid(), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["look_id"], ["looks.id"], name=op.f("fk_look_videos_look_id_looks"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["video_job_id"], ["video_jobs.id"], name=op.f("fk_look_videos_video_job_id_video_jobs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("look_id", "video_job_id", name=op.f("pk_look_videos")),
    )
    op.create_index(op.f("ix_look_videos_video_job_id"), "look_videos", ["video_job_id"], unique=False)
    op.create_index(
        "uq_look_videos_one_default", "look_videos", ["look_id"], unique=True, postgresql_where=sa.text("is_default")
    )
