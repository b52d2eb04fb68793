"""What PostgreSQL says about itself."""

from datetime import datetime

import asyncpg
from sqlalchemy import DateTime, Integer, Text, cast, func, select

from db.engine.statements import Reader, Row, Statement

_PROCESS = "SELECT pg_backend_pid()"
# What was prepared was prepared in another session.
_LOST_STATEMENT = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)


class ServerRow(Row):
    """A server's version, as a number (150004 is 15.4) and as text, and what its clock says."""

    version_number: int
    version: str
    clock: datetime


_SERVER = Statement(
    select(
        cast(func.current_setting("server_version_num"), Integer),
        func.current_setting("server_version", type_=Text),
        func.clock_timestamp(type_=DateTime(timezone=True)),
    ),
    ServerRow,
)


async def keeps_sessions(one: asyncpg.Connection, other: asyncpg.Connection) -> bool:
    """Whether a connection stays with its session of the server while another one is busy.

    A pooler in transaction mode lends the session that one transaction has left to the next, whosever that is.
    """
    try:
        first = await one.fetchval(_PROCESS)
        async with other.transaction():
            await other.fetchval(_PROCESS)
            return bool(first == await one.fetchval(_PROCESS))
    except _LOST_STATEMENT:
        return False


async def get(reader: Reader) -> ServerRow:
    """Read what the server says about itself now."""
    (row,) = await reader.fetch(_SERVER)
    return row
