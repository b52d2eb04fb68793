"""One API process: `python -m app.api --fd N` serves on a listening socket that its parent has bound."""

import sys

from app.hangup import ignore_hangups
from app.launch import launch

if __name__ == "__main__":
    ignore_hangups()
    sys.exit(launch("app.api_process"))
