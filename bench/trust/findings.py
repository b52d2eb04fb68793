"""What a part of the run has tried, and what was lost in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MOST_SHOWN = 20


@dataclass
class Finding:
    """One row of the table: `tried` says how much, `lost` has a sentence for each thing that went wrong."""

    what: str
    tried: str = "0"
    lost: list[str] = field(default_factory=list)

    def check(self, is_right: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as an assertion
        """Note a loss unless something is right."""
        if not is_right:
            self.lost.append(otherwise)


class Effort(NamedTuple):
    """How much is done; times in seconds."""

    examples: int  # of each REST operation
    rest_seconds: int  # for each kind of caller
    documents: int  # GraphQL queries that are compared
    odd: int  # of each kind of malformed request
    racing_rounds: int
    silent: int  # connections that say nothing or too little
    silent_seconds: float
    endurance_seconds: float
    fault_jobs: int  # jobs in progress during each fault
    fault_seconds: float
    rate: int  # requests a second of the mixed load
    streams: int
    mixed_seconds: float
    polls: int  # of the quiet user, beside the loud one and without


FULL = Effort(
    examples=40, rest_seconds=60,
    documents=3000, odd=400, racing_rounds=10, silent=600, silent_seconds=30.0, endurance_seconds=600.0,
    fault_jobs=12, fault_seconds=5.0, rate=500, streams=2000, mixed_seconds=60.0, polls=1000,
)  # fmt: skip
QUICK = Effort(
    examples=1, rest_seconds=10,
    documents=40, odd=25, racing_rounds=1, silent=60, silent_seconds=2.0, endurance_seconds=6.0,
    fault_jobs=2, fault_seconds=1.0, rate=50, streams=50, mixed_seconds=3.0, polls=200,
)  # fmt: skip


def table(findings: Sequence[Finding]) -> str:
    """Return the findings as a table in Markdown, and beneath it what was lost."""
    rows = [f"| {finding.what} | {finding.tried} | {len(finding.lost)} |" for finding in findings]
    losses = [f"- {finding.what}: {lost}" for finding in findings for lost in finding.lost[:MOST_SHOWN]]
    return "\n".join(["| what | tried | lost |", "| --- | --- | --- |", *rows, *(["", *losses] if losses else [])])
