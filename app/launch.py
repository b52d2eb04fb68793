"""The start of a process that loads much: all of it at once, with Python's garbage collector at rest."""

import gc
import importlib


def launch(module: str) -> int:
    """Load the module and run its `main`; return the exit code.

    While a thousand modules are loaded, the collector would look through all of them again and again and find next to
    nothing, which is a third of the time. What is there afterwards stays, and is not looked at any more.
    """
    gc.disable()
    process = importlib.import_module(module)
    gc.freeze()
    gc.enable()
    code: int = process.main()
    return code
