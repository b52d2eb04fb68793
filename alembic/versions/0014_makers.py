"""Images of jobs are kept for a while after the end, videos tell of their origin, and what they cost is kept."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "makers"
down_revision: str | Sequence[str] | None = "audit"


def upgrade() -> None:
    """Apply."""
    # Without a length of time, as jobs of before had it: their images go when they end.
    op.add_column(
        "video_job_images", sa.Column("kept_for", sa.Interval(), server_default=sa.text("'0'"), nullable=False)
    )

    op.add_column("video_jobs", sa.Column("content_credentials", sa.Text(), nullable=True))
    op.execute(
        "ALTER TABLE video_jobs ADD CONSTRAINT ck_video_jobs_content_credentials "
        "CHECK (content_credentials IN ('PRESENT', 'REMOVED', 'NONE')) NOT VALID"
    )

    op.add_column("video_jobs", sa.Column("fallback_model", sa.Text(), nullable=True))
    op.create_table(
        "generation_costs",
        sa.Column("video_job_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("tokens", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("total_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("estimate", sa.Numeric(14, 6), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_generation_costs_user_id_users")),
        sa.PrimaryKeyConstraint("video_job_id", name=op.f("pk_generation_costs")),
    )
    op.create_index("ix_generation_costs_of_user", "generation_costs", ["user_id", "created_at"])
    op.create_index(op.f("ix_generation_costs_created_at"), "generation_costs", ["created_at"])

    # By itself, it keeps nobody from writing while it looks at every row.
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE video_jobs VALIDATE CONSTRAINT ck_video_jobs_content_credentials")
