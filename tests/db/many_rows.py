"""Databases with 100,000 looks and jobs, on the tests' own server or on an installed PostgreSQL with pg_trgm."""

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from tests.conftest import temporary_folder
from tests.inspected import InspectedDatabase

ROWS = 100_000
# Jobs and looks are numbered from the oldest; the number is the id. Three at a time were created at once.
OLDEST = datetime(2025, 1, 1, tzinfo=UTC)
OWNER, READER = UUID(int=1), UUID(int=2)
ACTIVE_EVERY = 40_000
RARE_EVERY = 2_003
USERS = "INSERT INTO users (id) SELECT lpad(to_hex(n), 32, '0')::uuid FROM generate_series(1, 21) n"
# The owner's, and a tenth as many of other people.
JOBS = """
INSERT INTO video_jobs (id, user_id, model, resolution, aspect_ratio, duration_seconds, generate_audio, mock_mode,
    status_message, tokens_consumed, created_at, status, cloudinary_url, completed_at)
SELECT lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(CASE WHEN n <= $1 THEN 1 ELSE 3 + n % 17 END), 32, '0')::uuid,
    'veo-3.1-generate-preview', '720p', '16:9', 8, false, true, '', 50,
    timestamptz '2025-01-01 00:00:00+00' + n % ($1 + 1) / 3 * interval '1 second',
    CASE WHEN active THEN 'RUNNING' ELSE 'SUCCEEDED' END, CASE WHEN NOT active THEN '/v' END,
    CASE WHEN NOT active THEN now() END
FROM generate_series(1, $1 + $1 / 10) n, LATERAL (SELECT n % $2 = 0 AS active) state
"""
# Every second one is the owner's, every third one public, every third one shared; few have the rare word.
LOOKS = """
INSERT INTO looks (id, user_id, generated_image_url, created_at, visibility, search_text)
SELECT lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(CASE WHEN n % 2 = 0 THEN 1 ELSE 3 + n % 17 END), 32, '0')::uuid,
    '/i', timestamptz '2025-01-01 00:00:00+00' + n / 3 * interval '1 second',
    CASE n % 3 WHEN 0 THEN 'public' WHEN 1 THEN 'private' ELSE 'shared' END,
    'linen shirt lr-' || n || CASE WHEN n % $2 = 0 THEN ' houndstooth scarf' ELSE '' END
FROM generate_series(1, $1) n
"""
# Every tenth shared one, of these every hundredth with the reader.
SHARES = """
INSERT INTO look_shares (look_id, user_id)
SELECT lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(CASE WHEN n % 3000 = 2 THEN 2 ELSE 20 END), 32, '0')::uuid
FROM generate_series(2, $1, 30) n
"""
MANY_LOOKS: dict[str, tuple[int, ...]] = {USERS: (), LOOKS: (ROWS, RARE_EVERY), SHARES: (ROWS,)}
LONGEST_LOAD = 600.0
# Checks no foreign keys, and takes its time where the machine is busy.
FAST_LOADING = "SET session_replication_role = replica; SET maintenance_work_mem = '512MB'; SET statement_timeout = 0"
# Made after the rows, which takes a fraction of the time.
MADE_LATER = (
    "looks_search_text",
    *(f"video_jobs_{name}" for name in ("of_status", "all_newest_first", "all_of_status")),
)
INDEX = "SELECT pg_get_indexdef(to_regclass($1))"
HAS_PG_TRGM = "SELECT true FROM pg_available_extensions WHERE name = 'pg_trgm'"


async def load(database: InspectedDatabase, statements: dict[str, tuple[int, ...]]) -> None:
    """Run statements that insert; some indexes are taken away for it and made again as the migrations made them."""
    async with database.raw_connection() as connection:
        await connection.execute(FAST_LOADING)
        later = [await connection.fetchval(INDEX, f"ix_{name}") for name in MADE_LATER]
        await connection.execute(f"DROP INDEX IF EXISTS {', '.join(f'ix_{name}' for name in MADE_LATER)}")
        for statement, parameters in statements.items():
            await connection.execute(statement, *parameters, timeout=LONGEST_LOAD)
        for index in filter(None, later):
            await connection.execute(index, timeout=LONGEST_LOAD)
        await connection.execute("VACUUM ANALYZE", timeout=LONGEST_LOAD)


@asynccontextmanager
async def server_with_pg_trgm(ours: InspectedDatabase) -> AsyncIterator[InspectedDatabase]:
    with ExitStack() as stack:
        installed = (InspectedDatabase(stack.enter_context(started(programs))) for programs in installations())
        for server in chain((ours,), installed):
            async with server.raw_connection() as connection:
                if await connection.fetchval(HAS_PG_TRGM):
                    break
        else:
            pytest.skip("no PostgreSQL 15 or later with pg_trgm is installed, and the embedded one has none")
        yield server


def installations() -> list[Path]:
    """Return the folders with the programs of PostgreSQL 15 or later, the newest first."""
    versions: dict[Path, int] = {}
    on_path = [Path(program) for program in (shutil.which("postgres"),) if program]
    for program in (*on_path, *Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        said = subprocess.check_output((program, "--version"), text=True)
        versions[program.resolve().parent] = int(re.findall(r"\d+", said)[0])
    return sorted((folder for folder in versions if versions[folder] >= 15), key=versions.__getitem__, reverse=True)


@contextmanager
def started(programs: Path) -> Iterator[str]:
    """Run a server in a folder of its own, reached by a socket in there alone; not as root, which it refuses."""
    with temporary_folder() as folder:
        user: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}

        def run(program: str, *arguments: str | Path) -> None:
            command = (programs / program, "-D", folder / "data", *arguments)
            subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **user)

        run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
        options = f"-h '' -k '{folder}' -p 5432 -c fsync=off -c max_wal_size=4GB"
        run("pg_ctl", "--wait", "--log", folder / "log", "--options", options, "start")
        try:
            yield f"postgresql://postgres@/postgres?host={quote(str(folder))}&port=5432"
        finally:
            run("pg_ctl", "--wait", "--mode=immediate", "stop")
