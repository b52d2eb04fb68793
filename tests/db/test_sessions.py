"""Whether connections keep their sessions: PostgreSQL's own do, a pooler's in transaction mode do not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import pytest

from app.doctor_database import database_findings
from app.findings import State
from app.settings import Settings
from db.engine.database import Database
from db.server import keeps_sessions


class Pooler:
    """Real sessions, the one that was left last lent first, each for a transaction."""

    def __init__(self, sessions: list[asyncpg.Connection]) -> None:
        self.idle = sessions

    def client(self) -> asyncpg.Connection:
        return cast("asyncpg.Connection", _Client(self))


class _Client:
    def __init__(self, pooler: Pooler) -> None:
        self._pooler = pooler
        self._session: asyncpg.Connection | None = None

    async def fetchval(self, query: str) -> Any:
        if self._session is not None:
            return await self._session.fetchval(query)
        session = self._pooler.idle.pop()
        try:
            return await session.fetchval(query)
        finally:
            self._pooler.idle.append(session)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        self._session = self._pooler.idle.pop()
        yield
        self._pooler.idle.append(self._session)
        self._session = None


async def test_postgresql_keeps_sessions(database: Database) -> None:
    async with database.raw_connection() as one, database.raw_connection() as other:
        assert await keeps_sessions(one, other)


async def test_a_pooler_in_transaction_mode_does_not(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.raw_connection() as one, database.raw_connection() as other:
        pooler = Pooler([one, other])
        assert not await keeps_sessions(pooler.client(), pooler.client())

        @asynccontextmanager
        async def pooled(_database: Database) -> AsyncIterator[asyncpg.Connection]:
            yield pooler.client()

        monkeypatch.setattr(Database, "raw_connection", pooled)
        findings = {finding.subject: finding for finding in await database_findings(settings)}

    assert findings["sessions"].state is State.FAILED
    assert "set the pooler to session mode" in findings["sessions"].text


@pytest.mark.parametrize("error", [asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError])
async def test_a_statement_that_another_session_has_is_the_same(error: type[Exception]) -> None:
    class Lost:
        async def fetchval(self, _query: str) -> None:
            raise error("prepared statement")

    lost = cast("asyncpg.Connection", Lost())
    assert not await keeps_sessions(lost, lost)
