"""The program `lookreel`: serves at once, and goes on as the program that knows all commands for the others."""

import os
import sys

from app.launch import launch


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["serve"]:
        sys.exit(launch("app.serve_command"))
    os.execv(sys.executable, [sys.executable, "-m", "app.launch", "app.commands", *sys.argv[1:]])  # noqa: S606 - no shell is wanted
