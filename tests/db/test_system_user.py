"""Run by root, PostgreSQL works as a system user, which is made once however many come first at a machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import temporary_folder

PROGRAM = """
import sys
from pathlib import Path
from db.embedded.server import embedded_server
with embedded_server(Path(sys.argv[1])):
    print("served")
"""
# A copy of /etc that this script alone sees, without the user; and a useradd that takes its time.
SCRIPT = """
set -e
cp -a /etc "$1/etc" && mount --bind "$1/etc" /etc
sed -i /^pgserver:/d /etc/passwd /etc/shadow /etc/group /etc/gshadow
mkdir "$1/bin"
printf '#!/bin/sh\\nsleep 0.5\\nexec %s "$@"\\n' "$(command -v useradd)" > "$1/bin/useradd"
chmod +x "$1/bin/useradd"
PATH="$1/bin:$PATH"
"$2" -c "$3" "$1/first" & "$2" -c "$3" "$1/second" & wait
grep -c ^pgserver: /etc/passwd
"""


UNSHARE = shutil.which("unshare")


def may_unshare() -> bool:
    if UNSHARE is None or os.geteuid() != 0:
        return False
    return subprocess.run((UNSHARE, "-m", "true"), check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not may_unshare(), reason="needs root, and a mount namespace")
def test_two_that_come_first_at_once_are_both_served() -> None:
    with temporary_folder() as folder:
        done = subprocess.run(
            (str(UNSHARE), "-m", "sh", "-c", SCRIPT, "sh", str(folder), sys.executable, PROGRAM),
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )

    assert (done.stdout.split(), done.stderr) == (["served", "served", "1"], "")
