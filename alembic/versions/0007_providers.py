"""Providers by name: which one a job was sent to, and the pace of submits to each."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | Sequence[str] | None = "0006_wallet"


def upgrade() -> None:
    """Apply.

    Workers of the release before may go on meanwhile: they write no provider, and change all rows of the pace, of which
    there is one until a worker of this release needs another. The pace first: so do workers who send a job.
    """
    op.add_column("submission_pace", sa.Column("provider", sa.Text(), server_default="veo", nullable=False))
    op.alter_column("submission_pace", "provider", server_default=None)
    op.drop_column("submission_pace", "id")
    op.create_primary_key(op.f("pk_submission_pace"), "submission_pace", ["provider"])
    op.add_column("video_jobs", sa.Column("provider", sa.Text()))
    # The jobs in progress, found by their index: to write all rows anew would take long, with the table locked.
    op.execute(
        """UPDATE video_jobs SET provider = CASE WHEN mock_mode THEN 'mock' ELSE 'veo' END
        WHERE status IN ('PENDING', 'RUNNING') AND submission <> 'NEW'"""
    )
    op.create_index(
        "ix_video_jobs_sent",
        "video_jobs",
        ["provider"],
        postgresql_where=sa.text("status IN ('PENDING', 'RUNNING') AND submission <> 'NEW'"),
    )
