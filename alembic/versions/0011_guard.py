"""Jobs wait in an order that is fair, workers give signs of life, and what images take is counted."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "guard"
down_revision: str | Sequence[str] | None = "video_job_deletions"

WAITING = sa.text("status = 'PENDING'")


def upgrade() -> None:
    """Apply. The columns' defaults are constant, so that no row is written anew but those of waiting jobs."""
    now = sa.func.now()
    op.create_table(
        "workers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.create_index(op.f("ix_workers_seen_at"), "workers", ["seen_at"])
    op.add_column("video_jobs", sa.Column("queue_at", sa.DateTime(timezone=True), server_default=now, nullable=False))
    op.execute("UPDATE video_jobs SET queue_at = created_at WHERE status = 'PENDING'")
    op.drop_index("ix_video_jobs_waiting", table_name="video_jobs")
    op.create_index("ix_video_jobs_waiting", "video_jobs", ["queue_at", "id"], postgresql_where=WAITING)
    op.add_column("video_job_images", sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("looks", sa.Column("stored_bytes", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index("ix_looks_quota", "looks", ["user_id", "stored_bytes"])
