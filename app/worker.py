"""The worker process: `python -m app.worker` makes videos until it is told to stop."""

import sys

from app.launch import launch
from app.parent import ignore_hangups

if __name__ == "__main__":
    ignore_hangups()
    sys.exit(launch("app.worker_process"))
