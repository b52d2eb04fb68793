"""Which processor each process has: the server that is measured one of its own, everything else another.

PostgreSQL and the client share the second one, whoever is measured. Where there are not two, or the system does not let
processes be placed (macOS), they run wherever they like.
"""

import os

import psutil

SERVER, CLIENT = 0, 1
PLACED = 2


def cores() -> list[int]:
    """Return the processors that are used, none where processes cannot be placed."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return usable[:PLACED] if len(usable) >= PLACED else []


# Asked once: whoever has been placed sees but one.
_CORES = [int(core) for core in os.environ.get("BENCH_CORES", ",".join(map(str, cores()))).split(",") if core]
os.environ["BENCH_CORES"] = ",".join(map(str, _CORES))


def pin(place: int, pid: int | None = None) -> None:
    """Put a process, this one unless another is named, in its place. What it starts afterwards comes along."""
    if _CORES:
        psutil.Process(pid).cpu_affinity([_CORES[place]])


def described() -> str:
    """Tell where everything runs."""
    if not _CORES:
        return "not placed: the system puts each process where it likes"
    return "the measured server on one core; PostgreSQL and the client together on the other"
