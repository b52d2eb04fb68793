"""What admins do is on record; what lists of jobs, accounts and entries are filtered by has indexes."""

import unicodedata
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "audit"
down_revision: str | Sequence[str] | None = "guard"

ACTIONS = (
    "GRANT_TOKENS",
    "ADJUST_TOKENS",
    "SET_TIER",
    "RESET_PERIOD",
    "SET_STATUS",
    "SET_ROLE",
    "ISSUE_TOKEN",
    "PAUSE_CREATIONS",
    "RESUME_CREATIONS",
    "CANCEL_VIDEO_JOB",
    "RETRY_VIDEO_JOB",
    "DELETE_VIDEO_JOB",
    "CHANGE_LOOK",
    "SET_LOOK_VISIBILITY",
    "CHANGE_LOOK_VIDEOS",
    "DELETE_LOOK",
    "MIGRATE_LOOK_VIDEOS",
)
BATCH = 1000
# What is plain ASCII is searched as it is, which is most of it.
NEXT = sa.text(
    """SELECT id, prompt FROM video_jobs
    WHERE octet_length(prompt) <> char_length(prompt) AND id > :after ORDER BY id LIMIT :most"""
)
CHANGE = sa.text("UPDATE video_jobs SET search_text = :folded WHERE id = :job")
NOBODYS = "00000000-0000-0000-0000-000000000000"
NEWEST = [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")]


def upgrade() -> None:
    """Apply. Jobs that the release before makes meanwhile are found by English letters at least."""
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_email", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("object_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.CheckConstraint(f"action IN ({', '.join(map(repr, ACTIONS))})", name=op.f("ck_audit_log_action")),
        sa.CheckConstraint("actor IN ('ADMIN', 'OPERATOR')", name=op.f("ck_audit_log_actor")),
        sa.CheckConstraint("(actor = 'ADMIN') = (actor_id IS NOT NULL)", name=op.f("ck_audit_log_admins_have_ids")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index("ix_audit_log_newest_first", "audit_log", NEWEST)
    op.create_index("ix_audit_log_of_actor", "audit_log", ["actor_id", *NEWEST])
    op.create_index("ix_audit_log_of_user", "audit_log", ["user_id", *NEWEST])
    op.create_index("ix_audit_log_of_object", "audit_log", ["object_id", *NEWEST])
    op.create_index("ix_video_jobs_of_status", "video_jobs", ["user_id", "status", *NEWEST])
    op.create_index("ix_video_jobs_all_newest_first", "video_jobs", NEWEST)
    op.create_index("ix_video_jobs_all_of_status", "video_jobs", ["status", *NEWEST])
    op.create_index(
        "ix_video_jobs_all_of_error", "video_jobs", ["error_code", *NEWEST], postgresql_where="error_code IS NOT NULL"
    )
    op.create_index("ix_token_ledger_of_kind", "token_ledger", ["user_id", "kind", *NEWEST])
    op.create_index("ix_users_newest_first", "users", NEWEST)
    op.add_column("video_jobs", sa.Column("search_text", sa.Text(), nullable=True))
    _fold_prompts()


def _fold_prompts() -> None:
    connection, after = op.get_bind(), NOBODYS
    while rows := connection.execute(NEXT, {"after": after, "most": BATCH}).all():
        connection.execute(CHANGE, [{"job": row.id, "folded": folded(row.prompt)} for row in rows])
        after = str(rows[-1].id)


def folded(text: str) -> str:
    """Return a text as `db.engine.paging.searchable` did when this was written."""
    text = unicodedata.normalize("NFD", text).casefold().replace("\u0131", "i").replace("i\u0307", "i")
    return unicodedata.normalize("NFC", text)
