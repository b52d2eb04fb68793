"""`make trust`: everything that is attacked, broken and loaded, in one run, and the table of it.

`--quick` looks in two minutes whether all of it works; its table is printed and not kept.
"""

import asyncio
import platform
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import psutil
import typer

from bench.trust import (
    connections,
    endurance,
    faults,
    graphql_documents,
    identity,
    malformed,
    matrix,
    neighbours,
    races,
    rest_document,
)
from bench.trust.findings import FULL, QUICK, Effort, Finding, table
from bench.trust.installation import Installation, installed

REPORT = Path(__file__).parents[2] / "docs" / "trust.md"
METHOD = """# Trust

Made by `make trust` in {minutes:.0f} minutes, on {cores} cores with {memory:.0f} GiB, Python {python}: an installation
as `lookreel serve --workers 2` runs it, on a PostgreSQL server of its own, with two API processes and a worker. *Lost*
counts whatever was not as it must be: a fault of ours, an answer that did not come, a job that did not end, a token
that does not add up, a traceback in the log, a limit that was passed."""

Part = Callable[[Installation, Effort], Awaitable[list[Finding]]]


async def _alone(finding: Awaitable[Finding]) -> list[Finding]:
    return [await finding]


PARTS: dict[str, Part] = {
    "rest": rest_document.explore,
    "malformed": malformed.attack,
    "races": lambda installation, effort: _alone(races.race(installation, effort)),
    "connections": lambda installation, effort: _alone(connections.hold(installation, effort)),
    "faults": faults.suffer,
}
APART: dict[str, Callable[[Effort], Awaitable[list[Finding]]]] = {
    "identity": lambda effort: _alone(identity.hang(effort)),
    "neighbours": neighbours.live_beside,
}
# Together in the end: none of them measures how long an answer takes.
LONG: dict[str, Part] = {
    "endurance": lambda installation, effort: _alone(endurance.endure(installation, effort)),
    "graphql": lambda _, effort: _alone(graphql_documents.compare(effort)),
    "matrix": lambda _, effort: _alone(matrix.try_all(effort)),
}
NAMES = [*APART, *PARTS, *LONG]


async def run(names: list[str], effort: Effort) -> list[Finding]:
    """Play the parts one after the other, the long ones at once; all but those of `APART` share an installation."""
    findings: list[Finding] = []
    for name in (name for name in APART if name in names):
        findings += await _played(name, APART[name](effort))
    if not (PARTS | LONG).keys() & set(names):
        return findings
    async with installed() as installation:
        for name in (name for name in PARTS if name in names):
            findings += await _played(name, PARTS[name](installation, effort))
        long = [_played(name, part(installation, effort)) for name, part in LONG.items() if name in names]
        return findings + [finding for found in await asyncio.gather(*long) for finding in found]


async def _played(name: str, part: Awaitable[list[Finding]]) -> list[Finding]:
    """Say how long a part took; one that could not be played is a loss."""
    began = time.monotonic()
    try:
        findings = await part
    except Exception as error:  # noqa: BLE001 - what breaks one part must not take the figures of the others along
        findings = [Finding(name, "broken off", ["".join(traceback.format_exception(error, limit=-3))])]
    typer.echo(f"{name}: {time.monotonic() - began:.0f} s", err=True)
    return findings


def main(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="See in two minutes whether all of it works")] = False,
    only: Annotated[str, typer.Option(help=f"Some of {', '.join(NAMES)}, separated by commas")] = "",
    out: Annotated[Path | None, typer.Option(help="Where the table goes; `docs/trust.md` after a whole run")] = None,
) -> None:
    """Try everything, and end with 1 where something was lost."""
    names = [name for name in NAMES if not only or name in only.split(",")]
    began = time.monotonic()
    findings = asyncio.run(run(names, QUICK if quick else FULL))
    told = table(findings)
    typer.echo(told)
    path = out or (None if quick or only else REPORT)
    if path:
        path.write_text(f"{_method((time.monotonic() - began) / 60)}\n\n{told}\n")
    sys.exit(any(finding.lost for finding in findings))


def _method(minutes: float) -> str:
    memory = psutil.virtual_memory().total / 2**30
    return METHOD.format(minutes=minutes, cores=psutil.cpu_count(), memory=memory, python=platform.python_version())


if __name__ == "__main__":
    typer.run(main)
