"""PostgreSQL's own load generator, in the place of our server: as many clients, prepared statements."""

import asyncio
import re
import shutil
from pathlib import Path

from bench.figures import Effort, Failed, NotThere, Outcome
from bench.harness import Harness
from bench.places import SERVER, pin

FIGURES = re.compile(
    r"number of transactions actually processed: (\d+).*number of failed transactions: (\d+).*"
    r"latency average = ([\d.]+) ms.*tps = ([\d.]+)",
    re.DOTALL,
)


def program() -> str:
    """Find it.

    Raises:
        NotThere: it is nowhere.

    """
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), key=lambda path: int(path.parts[4]))
    found = str(installed[-1]) if installed else shutil.which("pgbench")
    if found is None:
        raise NotThere("there is no pgbench, which comes with a PostgreSQL server of any kind but the embedded one")
    return found


async def pgbench(harness: Harness, script: str, effort: Effort) -> Outcome:
    """Run a script for as long as a round lasts; the medians it does not tell, so the mean stands in for them.

    Raises:
        Failed: something went wrong in it.
        NotThere

    """
    path = harness.folder / "creation.sql"
    path.write_text(script)
    process = await asyncio.create_subprocess_exec(
        program(), "--no-vacuum", "--protocol=prepared", f"--client={effort.connections}", "--jobs=1",
        f"--time={max(1, round(effort.seconds))}", f"--file={path}", "--define=n=0",
        env=harness.environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    pin(SERVER, process.pid)
    printed, complaints = await process.communicate()
    figures = FIGURES.search(printed.decode())
    if process.returncode != 0 or figures is None:
        raise Failed(f"pgbench: {complaints.decode()[-1000:]}")
    answers, errors, mean, rate = (float(figure) for figure in figures.groups())
    return Outcome(rate, effort.seconds, mean, mean, int(answers), int(errors), 0.0, 0.0)
