"""What PostgreSQL says about itself."""

from datetime import datetime

from sqlalchemy import DateTime, Integer, Text, cast, func, select

from db.engine.statements import Reader, Row, Statement


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


async def get(reader: Reader) -> ServerRow:
    """Read what the server says about itself now."""
    (row,) = await reader.fetch(_SERVER)
    return row
