"""The start of a process that loads much: all of it at once, with Python's garbage collector at rest."""

import gc
import importlib
import os
import signal
import sys


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


if __name__ == "__main__":
    sys.exit(launch(sys.argv.pop(1)))
