"""The start of the program `lookreel`, and of processes that load much: all at once, with the collector at rest."""

import gc
import importlib
import os
import signal
import sys

# What no terminal ends.
SERVICES = {"app.api", "app.worker"}


def launch(module: str) -> int:
    """Load the module and run its `main`; return the exit code.

    While a thousand modules are loaded, the collector would look through all of them again and again and find next to
    nothing, which is a third of the time. What is there afterwards stays, and is not looked at any more.
    """
    # Pydantic would read what every installed package says about itself, in search of plugins. We have none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.disable()
    # Ctrl-C ends it without a word until there is something to end in order.
    interrupted = signal.getsignal(signal.SIGINT)
    if interrupted is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    process = importlib.import_module(module)
    signal.signal(signal.SIGINT, interrupted)
    gc.freeze()
    gc.enable()
    code: int = process.main()
    return code


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["serve"]:
        sys.exit(launch("app.serve"))
    os.execv(sys.executable, [sys.executable, "-m", "app.launch", "app.commands", *sys.argv[1:]])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    _module = sys.argv.pop(1)
    if _module in SERVICES:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sys.exit(launch(_module))
