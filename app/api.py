"""One API process: `python -m app.api --fd N` serves on a listening socket that its parent has bound."""

import sys

from app.launch import launch

if __name__ == "__main__":
    sys.exit(launch("app.api_process"))
