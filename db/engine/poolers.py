"""What stands between us and PostgreSQL, as connections show it: no pooler says so itself."""

import asyncio
from contextlib import AsyncExitStack

import asyncpg

from db.engine.connections import Server
from db.engine.error_names import errors_named
from db.engine.errors import DatabaseUnavailable
from db.engine.limits import FOR_HEALTH, PoolerMode

LOOK_SECONDS = 5.0
# Among the pooler's other clients, a session may come back by chance.
ROUNDS = 5

_PROCESS = "SELECT pg_backend_pid()"
# What was prepared was prepared in another session.
_LOST_STATEMENT = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)


async def is_behind_pooler(server: Server) -> bool:
    """Whether somebody else's word comes for PostgreSQL's: poolers make up the process that they tell at the start.

    Raises DatabaseUnavailable.
    """
    with errors_named():
        async with _looking(server, PoolerMode.UNNAMED).opened(FOR_HEALTH) as connection:
            return bool(connection.get_server_pid() != await connection.fetchval(_PROCESS))


async def honours_mode(server: Server) -> bool:
    """Whether what is there does what the server's mode needs; raises DatabaseUnavailable."""
    if server.mode is PoolerMode.UNNAMED or not await is_behind_pooler(server):
        return True
    is_session = server.mode is PoolerMode.SESSION
    looking = _looking(server, PoolerMode.UNNAMED if is_session else server.mode)
    with errors_named():
        async with asyncio.timeout(LOOK_SECONDS), looking.opened(FOR_HEALTH) as one, looking.opened(FOR_HEALTH) as two:
            return await keeps(one, two, sessions=is_session)


async def keeps(one: asyncpg.Connection, other: asyncpg.Connection, *, sessions: bool) -> bool:
    """Whether a connection keeps its session, or else only what it has prepared, while another one is busy.

    A pooler in transaction mode lends the session that one transaction has left to the next, whosever that is.
    """
    used: set[int] = set()
    try:
        for _ in range(ROUNDS):
            used.add(await one.fetchval(_PROCESS))
            async with other.transaction():
                await other.fetchval(_PROCESS)
                used.add(await one.fetchval(_PROCESS))
    except _LOST_STATEMENT:
        return False
    return len(used) == 1 or not sessions


async def usable_at_once(server: Server, wanted: int) -> int:
    """Return how many of so many connections can be had side by side; all are closed again."""
    async with AsyncExitStack() as held:
        for number in range(wanted):
            try:
                with errors_named():
                    connection = await held.enter_async_context(server.opened(FOR_HEALTH))
                    await connection.fetchval(_PROCESS)
            except DatabaseUnavailable:
                return number
    return wanted


def _looking(server: Server, mode: PoolerMode) -> Server:
    """Return the same server for connections that leave nothing behind in sessions that may be somebody else's."""
    return Server(server.url, "lookreel", mode)
