"""What PostgreSQL says about itself."""

from datetime import datetime

from sqlalchemy import DateTime, Text, func, select, text

from db.engine.statements import Reader, Row, Statement


class ServerRow(Row):
    """A server's version, how the database encodes texts, and what the server's clock says."""

    version: str
    encoding: str
    clock: datetime


class RoomRow(Row):
    """How many connections the server has for us in all, and how many API processes listen on one of theirs."""

    connections: int
    api_processes: int


_SERVER = Statement(
    select(
        func.current_setting("server_version", type_=Text),
        func.current_setting("server_encoding", type_=Text),
        func.clock_timestamp(type_=DateTime(timezone=True)),
    ),
    ServerRow,
)
# A role and a database may have limits of their own; -1 is none.
_ROOM = Statement(
    text("""
SELECT least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0),
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())
), (
    SELECT count(*)::int FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN %lookreel_video_jobs%'
)"""),
    RoomRow,
)


async def get(reader: Reader) -> ServerRow:
    """Read what the server says about itself now."""
    return await reader.only(_SERVER)


async def room(reader: Reader) -> RoomRow:
    """Read for how many connections there is room."""
    return await reader.only(_ROOM)
