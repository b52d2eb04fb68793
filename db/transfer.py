"""All rows of one database copied into an empty one, by COPY over two connections of ours.

The programs that come with the embedded server speak no TLS, and send what servers before 17 refuse (decision 53).
PgQueuer's tables are left out: workers queue active jobs that have no place in the queue.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import asyncpg
from sqlalchemy import Table

from db.engine.connections import Server
from db.engine.error_names import DRIVER_ERRORS, first_line, named
from db.engine.limits import UNLIMITED
from db.tables import Base, SubmissionPace

# None comes before one that it refers to.
TABLES = Base.metadata.sorted_tables
# Its rows are the migrations' own.
PACE = SubmissionPace.__tablename__

_CONTINUE = """
SELECT setval(pg_get_serial_sequence($1, $2), coalesce(max({column}), 1), max({column}) IS NOT NULL) FROM {table}
"""


async def filled_table(url: str) -> str | None:
    """Return the name of a table with rows in a migrated database; None where nobody has used it yet.

    Raises DatabaseUnavailable.
    """
    with _sentences():
        async with Server(url).opened(UNLIMITED) as connection:
            for table in TABLES:
                if table.name != PACE and await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table.name})"):  # noqa: S608 - our own name
                    return table.name
    return None


async def copy_rows(source: str, target: str, folder: Path) -> None:
    """Copy all rows between databases of the newest revision, all or none; each table waits in a file in that folder.

    Raises DatabaseUnavailable.
    """
    with _sentences():
        async with (
            Server(source).opened(UNLIMITED) as ours,
            Server(target).opened(UNLIMITED) as theirs,
            theirs.transaction(),
        ):
            await theirs.execute(f"DELETE FROM {PACE}")  # noqa: S608 - as above
            for table in TABLES:
                await _copy(table, ours, theirs, folder)


async def _copy(table: Table, ours: asyncpg.Connection, theirs: asyncpg.Connection, folder: Path) -> None:
    columns = [column.name for column in table.columns]
    with TemporaryFile(dir=folder) as rows:
        await ours.copy_from_table(table.name, columns=columns, output=rows)
        rows.seek(0)
        await theirs.copy_to_table(table.name, columns=columns, source=rows)
    for column in table.columns:
        if column.identity is not None:
            await theirs.execute(_CONTINUE.format(table=table.name, column=column.name), table.name, column.name)


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except (*DRIVER_ERRORS, OSError) as error:
        raise named(error, f"The rows could not be copied: {first_line(error)}. None are there.") from error
