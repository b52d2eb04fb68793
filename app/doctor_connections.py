"""What `lookreel doctor` looks at between us and PostgreSQL: poolers, and how many connections there are for us."""

from app.findings import Answer, State
from app.poolers import DIRECT, refusal_of
from db import server, workers
from db.engine.database import CONNECTIONS_BESIDES, Database
from db.engine.limits import PoolerMode
from db.engine.poolers import is_behind_pooler, usable_at_once


async def sessions(database: Database) -> Answer:
    """Tell what is talked to, and whether it does what DATABASE_POOLER_MODE says."""
    for address, name in ((database.server, DIRECT), (database.pooled, "DATABASE_URL")):
        if refusal := await refusal_of(address, name):
            return State.FAILED, refusal
    if not await is_behind_pooler(database.pooled):
        return State.OK, "PostgreSQL itself: connections keep theirs"
    if database.pooled.mode is PoolerMode.SESSION:
        return State.OK, "A pooler, whose connections keep theirs"
    return State.OK, f"A pooler, used as {database.pooled.mode}; to listen, for jobs and to migrate, {DIRECT}"


async def connections(database: Database) -> Answer:
    """Tell whether the server, and a pooler, have as many as all processes may open."""
    room = await server.room(database.reader)
    processes = room.api_processes + (await workers.alive(database.reader)).count
    is_shared = database.pooled.mode is not PoolerMode.SESSION
    each = 1 if is_shared else database.connections
    facts = f"A process opens up to {each} at PostgreSQL, which has {room.connections} for us; {processes} are running"
    if max(processes, 1) * each > room.connections:
        return State.FAILED, (
            f"{facts}. Lower DATABASE_POOL_SIZE, start fewer processes, raise the server's max_connections (or the "
            "limit of the role or the database), or put a pooler in transaction mode between."
        )
    if not await is_behind_pooler(database.pooled):
        return State.OK, facts
    wanted = database.connections - (CONNECTIONS_BESIDES - 1 if is_shared else 0)
    usable = await usable_at_once(database.pooled, wanted)
    if usable < wanted:
        return State.FAILED, (
            f"{facts}, but the pooler has {usable} of the {wanted} of one more process. Raise its default_pool_size "
            "(in session mode) and max_client_conn, or lower DATABASE_POOL_SIZE."
        )
    return State.OK, f"{facts}; the pooler has {wanted} for one more process"
