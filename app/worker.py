"""The worker process: `python -m app.worker` makes videos until it is told to stop."""

import sys

from app.hangup import ignore_hangups
from app.launch import launch

if __name__ == "__main__":
    ignore_hangups()
    sys.exit(launch("app.worker_process"))
