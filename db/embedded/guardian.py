"""The small process that stops an embedded PostgreSQL when the last program that used it has gone.

`python -m db.embedded.guardian DATA_DIR` is started by db.embedded.server and lives as long as the server does. Its
standard input is the locked file `postgres.guardian`: the lock tells others that there is a guardian, and since it is
handed down with the file descriptor there is no moment in which a guardian lives without it.

Memory counts here, so that this module imports nothing of the rest of the program.
"""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

PGDATA = "postgres"
USERS_LOCK = "postgres.users"
START_LOCK = "postgres.start"
GUARDIAN_LOCK = "postgres.guardian"
SOCKET_DIR_PREFIX = "lookreel-postgres-"

_POLITE_S = 60.0
_GIVE_UP_S = 75.0


@contextmanager
def lock_file(path: Path) -> Iterator[int]:
    """Yield a descriptor of the file for `fcntl.flock`, made if need be, and close it; raises OSError."""
    descriptor = open_lock(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_lock(path: Path) -> int:
    """Open a file for `fcntl.flock`, whoever made it; no child process inherits the descriptor. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError:
        return os.open(path, os.O_RDONLY)
    with suppress(PermissionError):
        os.fchmod(descriptor, 0o644)  # a strict umask would shut out the next user
    return descriptor


def try_lock(descriptor: int, kind: int) -> bool:
    """Take the lock (fcntl.LOCK_SH or LOCK_EX) if that needs no waiting; say whether it was got."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def postmaster_lines(pgdata: Path) -> list[str]:
    """Read postmaster.pid: pid, data folder, start time, port, socket folder, host, shared memory, status.

    Empty without the file; shorter while the server is coming up. Raises OSError.
    """
    try:
        text = (pgdata / "postmaster.pid").read_text(errors="replace")
    except FileNotFoundError:
        return []
    return [line.strip() for line in text.splitlines()]


def live_postmaster_lines(pgdata: Path) -> list[str]:
    """Read postmaster.pid if the server it names lives, else return an empty list; raises OSError."""
    lines = postmaster_lines(pgdata)
    named = len(lines) > 1 and lines[0].isdecimal()
    return lines if named and _is_postmaster(int(lines[0]), lines[1]) else []


def _is_postmaster(pid: int, pgdata: str) -> bool:
    """Tell whether the process is that server and no later one that got its pid, nor a dead one not collected."""
    try:
        process = psutil.Process(pid)
        return process.name() == "postgres" and pgdata in process.cmdline()
    except psutil.AccessDenied:
        return True  # a postgres of somebody else's; taking it for gone would be the worse mistake
    except psutil.NoSuchProcess:
        return False


def remove_socket_dir(lines: list[str]) -> None:
    """Remove the server's socket folder if it was made for this server only; nothing happens if it is gone."""
    socket_dir = Path(lines[4] if len(lines) > 4 else "")  # noqa: PLR2004 - the fifth line names it
    if not socket_dir.name.startswith(SOCKET_DIR_PREFIX):
        return
    with suppress(OSError):
        for left in socket_dir.iterdir():
            left.unlink()
        socket_dir.rmdir()


def stop_server(pgdata: Path) -> None:
    """Stop the server as `pg_ctl -m fast` does and return once it is gone; do nothing when there is none.

    Raises TimeoutError after 75 s; from 60 s on the server is asked to drop everything (it recovers at its next start).
    """
    lines = postmaster_lines(pgdata)
    began = time.monotonic()
    while server := _server_processes(pgdata):
        waited = time.monotonic() - began
        if waited > _GIVE_UP_S:
            raise TimeoutError(f"PostgreSQL in {pgdata} does not stop")
        _signal(server, signal.SIGINT if waited < _POLITE_S else signal.SIGQUIT)
        _await_end(server, pgdata)
    remove_socket_dir(lines)


def _await_end(processes: list[psutil.Process], pgdata: Path) -> None:
    """Wait 1 s at most for the processes to end; psutil would go on waiting for a dead one that nobody collects."""
    deadline = time.monotonic() + 1.0
    while any(_serves(process, str(pgdata)) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.01)


def _server_processes(pgdata: Path) -> list[psutil.Process]:
    """List the postmaster of the folder and the pg_ctl starting it, which outlives a killed program.

    postmaster.pid alone would miss a server so young that it has not written it.
    """
    found = [process for process in psutil.process_iter(["name"]) if _serves(process, str(pgdata))]
    pids = {process.pid for process in found}
    return [process for process in found if not _is_child_of(process, pids)]


def _serves(process: psutil.Process, pgdata: str) -> bool:
    if process.info["name"] not in {"postgres", "pg_ctl"}:
        return False
    with suppress(psutil.Error):
        return pgdata in process.cmdline()
    return False


def _is_child_of(process: psutil.Process, pids: set[int]) -> bool:
    """Tell whether one of the pids is the parent; it tells its children to stop, in the right order."""
    with suppress(psutil.Error):
        return process.ppid() in pids
    return True


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Send the signal to those that still live; raises psutil.AccessDenied."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _is_in_place(descriptor: int, path: Path) -> bool:
    """Tell whether the path still means the opened file, or nothing; not so after the folder was made anew."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return True


def main() -> None:
    """Wait until nobody uses the server of the folder given as argument, then stop it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.fork():
        os._exit(0)  # so that no program has to collect the guardian, which may outlive it
    data_dir = Path(sys.argv[1])
    with lock_file(data_dir / USERS_LOCK) as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        if _is_in_place(users, data_dir / USERS_LOCK):
            stop_server(data_dir / PGDATA)
        # Before the users' lock: whoever gets that one next must not take this process for a guardian.
        os.close(sys.stdin.fileno())
        os._exit(0)


if __name__ == "__main__":
    main()
