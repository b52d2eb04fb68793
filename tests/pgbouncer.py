"""PgBouncer in front of the tests' PostgreSQL, with an address in each mode."""

import asyncio
import os
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from db.engine.connections import Server
from db.engine.errors import DatabaseUnavailable
from db.engine.limits import FOR_HEALTH
from tests.conftest import temporary_folder
from tests.house import eventually

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
KEEPS_STATEMENTS = (1, 21)
SESSIONS = 30
CONFIGURATION = """
[databases]
* = host={host} port={server_port} user={user}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {sessions}
logfile = {folder}/log
pidfile = {folder}/pid
"""


def _free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port: int = chosen.getsockname()[1]
        return port


def version(program: str) -> tuple[int, ...]:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, re.findall(r"\d+", told)[:2]))


@asynccontextmanager
async def pgbouncer(
    server_url: str, mode: str, sessions: int = SESSIONS, *, keeps_statements: bool = False
) -> AsyncIterator[str]:
    """Run one in that mode; yield its URL."""
    if PGBOUNCER is None:
        pytest.skip("there is no pgbouncer (Debian: apt-get install pgbouncer)")
    is_new = await asyncio.to_thread(version, PGBOUNCER) >= KEEPS_STATEMENTS
    if keeps_statements and not is_new:
        pytest.skip("this pgbouncer knows no prepared statements: 1.21 does")
    server, port = make_url(server_url), _free_port()
    with temporary_folder() as folder:
        values = {"mode": mode, "sessions": sessions, "port": port, "folder": folder, "user": server.username}
        text = CONFIGURATION.format(host=server.query["host"], server_port=server.query.get("port", 5432), **values)
        if is_new:
            text += f"max_prepared_statements = {200 if keeps_statements else 0}\n"
        process = _started(PGBOUNCER, folder, text, Path(str(server.query["host"])))
        url = f"postgresql://{server.username}@127.0.0.1:{port}/{server.database}"
        try:
            await eventually(lambda: _answers(url), bool, 10)
            yield url
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait, 10)


def _started(program: str, folder: Path, configuration: str, pgdata: Path) -> subprocess.Popen[bytes]:
    """Start it as the user who runs PostgreSQL: it refuses to run as root."""
    file = folder / "pgbouncer.ini"
    file.write_text(configuration)
    if os.geteuid() != 0:
        return subprocess.Popen([program, "-q", str(file)])
    owner = pgdata.stat()
    for path in (folder, file):
        os.chown(path, owner.st_uid, owner.st_gid)
    return subprocess.Popen([program, "-q", str(file)], user=owner.st_uid, group=owner.st_gid, extra_groups=())


async def _answers(url: str) -> bool:
    try:
        async with Server(url).opened(FOR_HEALTH):
            return True
    except DatabaseUnavailable:
        return False
