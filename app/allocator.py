"""How the C library keeps freed memory, where it is glibc (mallopt(3))."""

import ctypes
from contextlib import suppress

# How many arenas there are. By default eight for each core, each with what the threads that use it have left behind.
M_ARENA_MAX = -8
# From what size in bytes on memory is the system's own, and goes back to it when it is freed. By default this grows to
# the largest piece that was freed, up to 32 MB: from then on, pieces of that size stay with the process.
M_MMAP_THRESHOLD = -3


def set_malloc(option: int, value: int) -> None:
    """Set one of the options above; elsewhere than with glibc nothing happens."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(option, value)
