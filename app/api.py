"""One API process: `python -m app.api --fd N` serves on a listening socket that its parent has bound."""

import sys

from app.launch import launch
from app.parent import ignore_hangups

if __name__ == "__main__":
    ignore_hangups()
    sys.exit(launch("app.api_process"))
