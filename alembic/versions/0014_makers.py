"""Images of jobs are kept for a while after the end, and videos tell of their origin."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "makers"
down_revision: str | Sequence[str] | None = "video_job_deletions"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    # Without a length of time, as jobs of before had it: their images go when they end.
    op.add_column(
        "video_job_images", sa.Column("kept_for", sa.Interval(), server_default=sa.text("'0'"), nullable=False)
    )

    op.add_column("video_jobs", sa.Column("content_credentials", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_video_jobs_content_credentials"),
        "video_jobs",
        "content_credentials IN ('PRESENT', 'REMOVED', 'NONE')",
    )


def downgrade() -> None:
    """Take back."""
    op.drop_column("video_jobs", "content_credentials")
    op.drop_column("video_job_images", "kept_for")
