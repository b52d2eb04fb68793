"""What a run brings: figures of ours beside a peer's, taken in turns, and what was aimed at."""

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Outcome(NamedTuple):
    """One round of load. `rate` is answers a second, `p50` and `p99` are milliseconds.

    `server_cpu` is what an answer costs the server's process, in milliseconds of processor time, which other programs
    disturb least; without the database's share. `client_cpu` is the share of a core that the client has used.
    """

    rate: float
    seconds: float
    p50: float
    p99: float
    answers: int
    errors: int
    client_cpu: float
    server_cpu: float


class Target(NamedTuple):
    """What the ratio of ours to the peer's should be."""

    ratio: float
    at_least: bool  # else at most

    def is_reached(self, ratio: float) -> bool:
        """Whether a ratio will do."""
        return ratio >= self.ratio if self.at_least else ratio <= self.ratio

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.ratio:g}"


def at_least(ratio: float) -> Target:
    """Aim at a ratio or more."""
    return Target(ratio, at_least=True)


def at_most(ratio: float) -> Target:
    """Aim at a ratio or less."""
    return Target(ratio, at_least=False)


@dataclass(frozen=True)
class Comparison:
    """Pairs of figures, each pair taken right after one another; the ratio is the median of the pairs' ratios."""

    what: str
    peer: str
    unit: str
    pairs: Sequence[tuple[float, float]]
    target: Target | None

    @property
    def ours_median(self) -> float:
        """The median of our figures."""
        return statistics.median(ours for ours, _ in self.pairs)

    @property
    def peer_median(self) -> float:
        """The median of the peer's figures."""
        return statistics.median(peer for _, peer in self.pairs)

    @property
    def ratios(self) -> list[float]:
        """Ours to the peer's, pair by pair, the smallest first."""
        return sorted(ours / peer for ours, peer in self.pairs)

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios."""
        return statistics.median(self.ratios)

    @property
    def is_reached(self) -> bool:
        """Whether the target is met; what has none meets it."""
        return self.target is None or self.target.is_reached(self.ratio)


@dataclass
class Section:
    """One part of the report. `outcomes` are the rounds by who answered, for the plot."""

    title: str
    about: str
    comparisons: list[Comparison] = field(default_factory=list)
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Effort(NamedTuple):
    """How much is done: rounds of each pair, seconds a round, and how much there is of everything.

    `job_cases` are workers and jobs that wait behind those that are measured.
    """

    rounds: int
    seconds: float
    warm_up: float
    looks: int
    many_looks: int
    page: int
    flights: int
    subscribers: int
    jobs: int
    job_sizes: tuple[int, int]
    job_cases: tuple[tuple[int, int], ...]
    connections: int = 16


FULL = Effort(
    rounds=5,
    seconds=5.0,
    warm_up=2.0,
    looks=20_000,
    many_looks=2_000_000,
    page=1000,
    flights=10_000,
    subscribers=5000,
    jobs=300,
    job_sizes=(30_000, 3_000_000),
    job_cases=((1, 0), (2, 0), (4, 0), (1, 10_000), (4, 10_000), (1, 50_000)),
)
QUICK = Effort(
    rounds=1,
    seconds=1.5,
    warm_up=0.5,
    looks=20_000,
    many_looks=40_000,
    page=50,
    flights=300,
    subscribers=200,
    jobs=200,
    job_sizes=(30_000, 60_000),
    job_cases=((1, 0),),
)

Round = Callable[[], Awaitable[Outcome]]


class NotThere(Exception):
    """A program that a peer needs cannot be had; the message says which."""


class Failed(Exception):
    """A server gave wrong answers, or none; its figures would mean nothing."""


Pairs = list[tuple[Outcome, Outcome]]


async def in_turns(ours: Round, peer: Round, rounds: int) -> Pairs:
    """Run A B A B: whatever else the machine does meets both alike."""
    return [(await ours(), await peer()) for _ in range(rounds)]


def compared(what: str, peer: str, pairs: Pairs, target: Target | None, field_name: str = "rate") -> Comparison:
    """Compare one field of the outcomes."""
    unit = "/s" if field_name == "rate" else "ms"
    picked = [(getattr(ours, field_name), getattr(theirs, field_name)) for ours, theirs in pairs]
    return Comparison(what, peer, unit, picked, target)
