"""One wallet: what every entry of the ledger says, tiers and periods, keys that outlive their jobs, pauses."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006_wallet"
down_revision: str | Sequence[str] | None = "0005"

TIMESTAMP = sa.DateTime(timezone=True)
KINDS = "kind IN ('WELCOME', 'GRANT', 'CHARGE', 'REFUND')"
ALL_KINDS = "kind IN ('WELCOME', 'GRANT', 'CHARGE', 'REFUND', 'ADJUSTMENT', 'RESET', 'TIER_CHANGE')"
ACTORS = "actor IN ('USER', 'ADMIN', 'KEY', 'SYSTEM')"
NEVER_NEGATIVE = "balance_after >= 0 AND balance_after - amount >= 0"
SIGNS = (
    "CASE kind WHEN 'CHARGE' THEN amount <= 0 WHEN 'REFUND' THEN amount >= 0 WHEN 'ADJUSTMENT' THEN amount <> 0"
    " WHEN 'RESET' THEN true WHEN 'TIER_CHANGE' THEN true ELSE amount > 0 END"
)
UNCHARGED = "uncharged = 0 OR (uncharged > 0 AND amount = 0 AND kind IN ('CHARGE', 'REFUND'))"
LEDGER_COLUMNS = ("uncharged", "operation", "description", "reference", "actor", "actor_id", "actor_email")
ACCOUNT_COLUMNS = ("tier", "period_start", "period_end", "spent", "lifetime_spent")


def upgrade() -> None:
    """Apply."""
    _tell_more_of_entries()
    _give_accounts_tiers()
    _free_keys_of_their_jobs()
    op.create_table(
        "creation_pauses",
        sa.Column("scope", sa.Text(), primary_key=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("scope IN ('ALL', 'REAL')", name=op.f("ck_creation_pauses_scope")),
    )


def _tell_more_of_entries() -> None:
    """Carry the ledger over: charges were their users' doing, and were for videos; what else there was, is ours."""
    op.add_column("token_ledger", sa.Column("uncharged", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("token_ledger", sa.Column("actor", sa.Text(), server_default=sa.text("'SYSTEM'"), nullable=False))
    op.add_column("token_ledger", sa.Column("actor_id", sa.Uuid()))
    for column in ("operation", "description", "reference", "actor_email"):
        op.add_column("token_ledger", sa.Column(column, sa.Text()))
    op.alter_column("token_ledger", "actor", server_default=None)
    op.execute(
        "UPDATE token_ledger SET actor = 'USER', actor_id = user_id, operation = 'video_generation'"
        " WHERE kind = 'CHARGE' AND video_job_id IS NOT NULL"
    )
    op.execute(
        "UPDATE token_ledger e SET operation = 'video_generation', description ="
        " CASE e.kind WHEN 'CHARGE' THEN 'Video generation' ELSE 'Refund of a video' END ||"
        " coalesce(': ' || left(j.prompt, 100), '')"
        " FROM video_jobs j WHERE j.id = e.video_job_id"
    )
    _drop_checks("token_ledger", "kind", "balance_never_negative", "amount_not_zero", "only_charges_take")
    _check("token_ledger", kind=ALL_KINDS, actor=ACTORS, balance_never_negative=NEVER_NEGATIVE, sign_of_amount=SIGNS)
    _check("token_ledger", uncharged_exactly_where_nothing_was_paid=UNCHARGED)
    op.create_index(
        "uq_token_ledger_once_per_reference",
        "token_ledger",
        ["reference", "kind"],
        unique=True,
        postgresql_where=sa.text("reference IS NOT NULL"),
    )


def _give_accounts_tiers() -> None:
    """Begin everybody's first period when the account was made; what was spent until now was spent in it."""
    op.add_column("users", sa.Column("tier", sa.Text(), server_default=sa.text("'free'"), nullable=False))
    op.add_column("users", sa.Column("period_start", TIMESTAMP, server_default=sa.text("now()"), nullable=False))
    op.add_column(
        "users",
        sa.Column("period_end", TIMESTAMP, server_default=sa.text("now() + interval '30 days'"), nullable=False),
    )
    for column in ("spent", "lifetime_spent"):
        op.add_column("users", sa.Column(column, sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.execute(
        "UPDATE users u SET period_start = u.created_at, period_end = u.created_at + interval '30 days',"
        " spent = s.spent, lifetime_spent = s.spent FROM (SELECT users.id, greatest(coalesce("
        "-sum(amount) FILTER (WHERE kind IN ('CHARGE', 'REFUND')), 0), 0) AS spent"
        " FROM users LEFT JOIN token_ledger ON user_id = users.id GROUP BY users.id) s WHERE s.id = u.id"
    )
    _check("users", spent_never_negative="spent >= 0 AND lifetime_spent >= 0")
    _check("users", period_begins_before_it_ends="period_start < period_end")
    op.create_index("ix_users_tier_period_end", "users", ["tier", "period_end"])


def _free_keys_of_their_jobs() -> None:
    op.drop_constraint(op.f("fk_idempotency_keys_video_job_id_video_jobs"), "idempotency_keys")
    op.drop_index(op.f("ix_idempotency_keys_video_job_id"), table_name="idempotency_keys")
    op.alter_column("idempotency_keys", "video_job_id", nullable=True)
    op.add_column("idempotency_keys", sa.Column("ledger_entry_id", sa.Uuid()))
    op.add_column("idempotency_keys", sa.Column("spent", sa.BigInteger()))
    _check("idempotency_keys", stands_for_one="(video_job_id IS NULL) <> (ledger_entry_id IS NULL)")


def _check(table: str, **conditions: str) -> None:
    for name, condition in conditions.items():
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def _drop_checks(table: str, *names: str) -> None:
    for name in names:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
