"""Deleted jobs are remembered for some days, so that followers who were away hear of them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "video_job_deletions"
down_revision: str | Sequence[str] | None = "account_status"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "video_job_deletions",
        sa.Column("video_job_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_video_job_deletions_user_id_users")),
        sa.PrimaryKeyConstraint("video_job_id", name=op.f("pk_video_job_deletions")),
    )
    op.create_index("ix_video_job_deletions_of_user", "video_job_deletions", ["user_id", "deleted_at"])
    op.create_index(op.f("ix_video_job_deletions_deleted_at"), "video_job_deletions", ["deleted_at"])
