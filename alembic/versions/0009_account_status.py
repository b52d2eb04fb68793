"""Accounts have a status and a role of ours, and looks are shared with ids that may have no account yet."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "account_status"
down_revision: str | Sequence[str] | None = "search_text"

SPECIAL = "status <> 'active' OR role <> 'user'"


def upgrade() -> None:
    """Apply. The columns' defaults are constant, so that no row is written anew."""
    op.add_column("users", sa.Column("status", sa.Text(), server_default="active", nullable=False))
    op.add_column("users", sa.Column("role", sa.Text(), server_default="user", nullable=False))
    op.create_check_constraint(op.f("ck_users_status"), "users", "status IN ('active', 'pending', 'suspended')")
    op.create_check_constraint(op.f("ck_users_role"), "users", "role IN ('user', 'admin')")
    op.create_index("ix_users_special", "users", ["id"], postgresql_where=sa.text(SPECIAL))
    op.drop_constraint(op.f("fk_look_shares_user_id_users"), "look_shares", type_="foreignkey")
