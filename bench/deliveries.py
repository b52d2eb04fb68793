"""Runs `bench.subscribers` and takes its table over: what a delivery costs beside a bare echo of the same bytes."""

import asyncio
import re
import sys

from bench.figures import Comparison, Effort, Failed, Section, at_most
from bench.harness import Harness

# `| what | 33 µs | 1.90 | ...` of each scenario.
ROW = re.compile(r"^\| ([^|]+) \| ([\d.]+) µs \| ([\d.]+) \|", re.MULTILINE)
BARE = "bare echo of the same bytes"


async def measure(_hall: Harness, effort: Effort) -> Section:
    """Compare; the table is kept with the notes."""
    section = Section("Deliveries", f"{effort.subscribers:,} WebSocket subscribers of one process; nothing is placed.")
    command = (sys.executable, "-m", "bench.subscribers", "--subscribers", str(effort.subscribers))
    process = await asyncio.create_subprocess_exec(
        *command, env=Harness.inherited(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, complaints = await process.communicate()
    if process.returncode != 0:
        raise Failed(f"bench.subscribers: {complaints.decode()[-1000:]}")
    table = printed.decode()
    section.notes.append(f"The whole table:\n\n{table}")
    cpu = {name: float(microseconds) for name, microseconds, _ in ROW.findall(table)}
    bare = cpu.pop(BARE)
    for name, microseconds in cpu.items():
        pairs = [(microseconds, bare)]
        section.comparisons.append(Comparison(f"CPU a delivery, {name}", BARE, "µs", pairs, at_most(2)))
    return section
