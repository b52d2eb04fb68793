"""The report: tables in Markdown with the machine and the versions, and a picture of the looks query."""

import os
import platform
import re
import statistics
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import psutil
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from bench.figures import Comparison, Effort, Outcome, Section
from bench.places import described

PACKAGES = (
    *("strawberry-graphql", "graphql-core", "fastapi", "starlette", "uvicorn", "uvloop", "sqlalchemy", "asyncpg"),
    *("orjson", "psycopg", "pydantic", "websockets"),
)
PICTURE = "results.png"
METHOD = """Made by `make bench` in {minutes} minutes. Ours and each peer take turns (ABAB), at most {rounds} rounds of
{seconds} s each after a warm-up, {connections} connections unless it says otherwise. A ratio is the median of the
pairs' ratios, with the smallest and the largest in brackets. All are on one PostgreSQL with the same data, one process
and as many database connections each. Processors: {placed}.

Ours is `app.api` as in production: every request brings a signed token and passes every limit. The peers
check no token and have no limits."""
FIGURES = 3  # significant ones
SURE = 10
COLOURS = {"ours": "#d1495b", "peer": "#5b8fb9", "p50": "#5b8fb9", "p99": "#edae49", "between": "#c0c7ce"}
DOTS = 160


def markdown(sections: Sequence[Section], effort: Effort, server_version: str, minutes: float) -> str:
    """Return the whole report."""
    parts = ["# Benchmarks", _method(effort, minutes), _machine(server_version), _summary(sections)]
    if any(section.title == "Looks" for section in sections):
        parts.append(f"![Requests a second and latency of the looks query]({PICTURE})")
    parts += [_details(section) for section in sections]
    return "\n\n".join(parts) + "\n"


def merged(report: str, newer: str) -> str:
    """Put what a part was measured to be, and on which machine, into a report whose other figures stay as they were."""
    (head, *sections), (newer_head, *newer_sections) = (
        re.split(r"\n\n(?=## )", text.strip()) for text in (report, newer)
    )
    summary, newer_summary = (
        next(part for part in text.split("\n\n") if part.startswith("| what |")) for text in (head, newer_head)
    )
    machine = next(part for part in newer_head.split("\n\n") if " cores, " in part).partition(";")[0]
    newer_sections = [f"{section}\n\nMeasured by itself on {machine}." for section in newer_sections]
    rows = {tuple(row.split("|")[1:3]): row for row in (*summary.splitlines(), *newer_summary.splitlines())}
    titled = {section.partition("\n")[0]: section for section in (*sections, *newer_sections)}
    return "\n\n".join([head.replace(summary, "\n".join(rows.values())), *titled.values()]) + "\n"


def _method(effort: Effort, minutes: float) -> str:
    return METHOD.format(
        minutes=f"{minutes:.0f}",
        rounds=effort.rounds,
        seconds=f"{effort.seconds:g}",
        connections=effort.connections,
        placed=described(),
    )


def _machine(server_version: str) -> str:
    memory = psutil.virtual_memory().total / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}; "
        f"Python {platform.python_version()}, PostgreSQL {server_version}; {packages}."
    )


def processor() -> str:
    """Return the processor's name."""
    if platform.system() == "Darwin":
        return f"{platform.processor()} ({platform.machine()})"
    names = [line.partition(":")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return names[0].strip() if names else platform.machine()


def _summary(sections: Sequence[Section]) -> str:
    rows = [_row(comparison) for section in sections for comparison in section.comparisons]
    return table(("what", "beside", "ours", "theirs", "ratio", "target", ""), rows)


def _row(found: Comparison) -> tuple[str, ...]:
    unit, target = found.unit, "" if found.target is None else str(found.target)
    mark = "" if found.target is None else "reached" if found.is_reached else "**missed**"
    if not found.peer:
        return found.what, "", f"{number(found.ours_median)} {unit}", "", "", f"{target} {unit}", mark
    spread = f"{found.ratio:.2f} ({found.ratios[0]:.2f} to {found.ratios[-1]:.2f})"
    ours, theirs = f"{number(found.ours_median)} {unit}", f"{number(found.peer_median)} {unit}"
    return found.what, found.peer, ours, theirs, spread, target, mark


def _details(section: Section) -> str:
    parts = [f"## {section.title}", section.about]
    if section.outcomes:
        header = ("who", "answers a second", "p50", "p99", "server's CPU an answer", "answers", "client's core")
        parts.append(table(header, [_outcome_row(name, rounds) for name, rounds in section.outcomes.items()]))
    return "\n\n".join(parts + section.notes)


def _outcome_row(name: str, rounds: Sequence[Outcome]) -> tuple[str, ...]:
    rate, p50, p99 = (median(rounds, field) for field in ("rate", "p50", "p99"))
    answers, cpu = sum(outcome.answers for outcome in rounds), median(rounds, "client_cpu")
    server = f"{number(median(rounds, 'server_cpu'))} ms"
    return name, number(rate), f"{number(p50)} ms", f"{number(p99)} ms", server, f"{answers:,}", f"{cpu:.0%}"


def median(rounds: Sequence[Outcome], field: str) -> float:
    """Return a field's median over the rounds."""
    return float(statistics.median(getattr(outcome, field) for outcome in rounds))


def number(value: float) -> str:
    """Return a figure with as many digits as mean something."""
    return f"{value:,.0f}" if abs(value) >= SURE**2 else f"{value:.{FIGURES}g}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def picture(outcomes: Mapping[str, Sequence[Outcome]], path: Path) -> None:
    """Draw requests a second and latencies of whoever answered the looks query."""
    figure = Figure(figsize=(11, 0.7 + 0.6 * len(outcomes)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    # The first one comes on top.
    named = dict(reversed(list(outcomes.items())))
    _rates(left, {name: median(rounds, "rate") for name, rounds in named.items()})
    _latencies(right, {name: (median(rounds, "p50"), median(rounds, "p99")) for name, rounds in named.items()})
    figure.savefig(path, dpi=DOTS)


def _rates(axes: Axes, rates: Mapping[str, float]) -> None:
    colours = [COLOURS["ours" if name == "Lookreel" else "peer"] for name in rates]
    bars = axes.barh(list(rates), list(rates.values()), color=colours)
    axes.bar_label(bars, [number(rate) for rate in rates.values()], padding=3)
    axes.set(title="50 looks, products, videos: requests a second", xlim=(0, 1.15 * max(rates.values())))
    _plain(axes)


def _latencies(axes: Axes, latencies: Mapping[str, tuple[float, float]]) -> None:
    for position, (p50, p99) in enumerate(latencies.values()):
        axes.plot([p50, p99], [position, position], color=COLOURS["between"], linewidth=3, zorder=1)
        axes.scatter([p50], [position], color=COLOURS["p50"], zorder=2, label="" if position else "median")
        axes.scatter([p99], [position], color=COLOURS["p99"], zorder=2, label="" if position else "99th percentile")
    axes.set(title="Milliseconds for an answer", xscale="log")
    axes.xaxis.set(
        major_locator=LogLocator(subs=(1, 2, 5)),
        major_formatter=lambda value, _: f"{value:g}",
        minor_formatter=NullFormatter(),
    )
    axes.legend(loc="upper right", frameon=False)
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(left=False)
