"""`make bench`: everything that is measured beside others, in one run on one machine, and the report of it.

`--quick` looks in two minutes whether all of it works; its figures are printed and mean little.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from bench import (
    creates,
    data,
    deliveries,
    first_view,
    growth,
    in_flight,
    job_cost,
    job_growth,
    lists,
    polls,
    reads,
    report,
    startup,
)
from bench.figures import FULL, QUICK, Effort, Failed, NotThere, Section
from bench.harness import Harness, open_harness
from db.engine.limits import UNLIMITED

SECTIONS: dict[str, Callable[[Harness, Effort], Awaitable[Section]]] = {
    "reads": reads.measure,
    "lists": lists.measure,
    "polls": polls.measure,
    "creates": creates.measure,
    "growth": growth.measure,
    "job-growth": job_growth.measure,
    "in-flight": in_flight.measure,
    "job-cost": job_cost.measure,
    "deliveries": deliveries.measure,
    "startup": startup.measure,
    "first-view": first_view.measure,
}
REPORT = "RESULTS.md"
HERE = Path(__file__).parent


async def run(names: list[str], effort: Effort, folder: Path) -> None:
    """Measure, and write the report into a folder."""
    began = time.monotonic()
    sections: list[Section] = []
    async with open_harness() as harness:
        async with harness.database.raw_connection(UNLIMITED) as connection:
            server_version = str(await connection.fetchval("SHOW server_version"))
        if {"reads", "lists", "polls", "creates", "growth"} & set(names):
            await data.fill(harness.database, effort.looks)
        for name in names:
            section_began = time.monotonic()
            sections += await _section(name, harness, effort)
            typer.echo(f"{name}: {time.monotonic() - section_began:.0f} s", err=True)
    text = report.markdown(sections, effort, server_version, (time.monotonic() - began) / 60)
    file = folder / REPORT
    is_part = len(names) < len(SECTIONS) and file.exists()
    file.write_text(report.merged(file.read_text(), text) if is_part else text)
    for section in sections:
        if section.title == "Looks":
            report.picture(section.outcomes, folder / report.PICTURE)


async def _section(name: str, harness: Harness, effort: Effort) -> list[Section]:
    try:
        return [await SECTIONS[name](harness, effort)]
    except (NotThere, Failed) as error:
        return [Section(name.capitalize(), f"Not measured: {error}.")]


def main(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="See in two minutes whether all of it works")] = False,
    only: Annotated[str, typer.Option(help=f"Some of {', '.join(SECTIONS)}, separated by commas")] = "",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where the report goes, with --only into that which is there; `bench` unless something is left out"
        ),
    ] = None,
) -> None:
    """Measure and report."""
    asked = only.split(",") if only else list(SECTIONS)
    unknown = [name for name in asked if name not in SECTIONS]
    if unknown:
        raise typer.BadParameter(f"There is no section {', '.join(map(repr, unknown))}", param_hint="--only")
    names = [name for name in SECTIONS if name in asked]
    if out is None and (quick or only):
        out = Path(tempfile.mkdtemp(prefix="lookreel-results-"))
    folder = out or HERE
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(run(names, QUICK if quick else FULL, folder))
    typer.echo((folder / REPORT).read_text())
    typer.echo(f"Written to {folder}", err=True)


if __name__ == "__main__":
    typer.run(main)
