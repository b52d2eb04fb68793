"""PgQueuer's tables, types and triggers, as the installed library declares them."""

from collections.abc import Awaitable, Sequence
from typing import cast

from alembic import op
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from sqlalchemy import AdaptedConnection

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"


def execute_script(script: str) -> None:
    """Run many statements in one call: asyncpg's own `execute` can, a prepared statement cannot."""
    adapted = cast("AdaptedConnection", op.get_bind().connection.dbapi_connection)

    def run(connection: object) -> Awaitable[str]:
        return cast("Awaitable[str]", connection.execute(script))  # type: ignore[attr-defined]

    adapted.run_async(run)


def upgrade() -> None:
    """Apply."""
    execute_script(QueryBuilderEnvironment().build_install_query())
