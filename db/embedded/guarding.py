"""Whether a folder's server has a guardian (decision 2), and starting one."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from db.embedded.guardian import GUARDIAN_LOCK, lock_file, try_lock


def has_guardian(data_dir: Path) -> bool:
    """Tell whether a guardian lives."""
    with lock_file(data_dir / GUARDIAN_LOCK) as guardian:
        return not try_lock(guardian, fcntl.LOCK_SH)


def ensure_guardian(data_dir: Path) -> None:
    """Start a guardian unless there is one; the caller holds the start lock. Raises OSError, SubprocessError."""
    if has_guardian(data_dir):
        return
    with lock_file(data_dir / GUARDIAN_LOCK) as lock, (data_dir / "postgres.guardian.log").open("wb") as log:
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits for those who look at most
        subprocess.run(  # noqa: S603 - our own interpreter and module
            (sys.executable, "-m", "db.embedded.guardian", str(data_dir)),
            check=True,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            stdin=lock,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )


def _environment() -> dict[str, str]:
    """Return our environment with this package to be found from any folder, and nothing looked for in that one."""
    paths = (str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH"))
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONSAFEPATH": "1"}
