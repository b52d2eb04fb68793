"""What a process counts about itself, and how a scraper gets it (decision 37).

Labels are names of ours: routes, fields of the schema, codes. Nothing that a client writes becomes one. What is counted
elsewhere is taken over some seconds late: so nothing below knows of metrics.
"""

import asyncio
import os
from bisect import bisect_left
from collections import Counter as Numbers
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path

import psutil
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.parent import METRICS_FOLDER
from db.engine.database import Database
from db.engine.feed import JobFeed
from db.fleet import Figures
from resolvers.streams import Streams

# In seconds.
UNTIL = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)


class Counts:
    """How often something was, by labels: plain numbers until they are taken over into the library's metrics.

    To add to those takes 20 µs, half of it for finding the labels, where a poll takes 100 (decision 37).
    """

    def __init__(self, name: str, meaning: str, labels: Sequence[str]) -> None:
        self.metric = Counter(name, meaning, labels)
        self.new: Numbers[tuple[Hashable, ...]] = Numbers()

    def take_over(self) -> None:
        """Add what is new."""
        new, self.new = self.new, Numbers()
        for labels, number in new.items():
            self.metric.labels(*labels).inc(number)


class Times:
    """How many seconds something took, by one label: plain numbers until they are taken over into a histogram."""

    def __init__(self, name: str, meaning: str, label: str) -> None:
        self.metric = Histogram(name, meaning, [label], buckets=UNTIL)
        self._new: Numbers[tuple[str, int]] = Numbers()
        self._sums: defaultdict[str, float] = defaultdict(float)

    def note(self, label: str, seconds: float) -> None:
        """Count one more."""
        self._new[label, bisect_left(UNTIL, seconds)] += 1
        self._sums[label] += seconds

    def take_over(self) -> None:
        """Add what is new, each bucket at once: the library adds single observations alone."""
        new, self._new = self._new, Numbers()
        sums, self._sums = self._sums, defaultdict(float)
        for (label, bucket), number in new.items():
            self.metric.labels(label)._buckets[bucket].inc(number)  # noqa: SLF001 - as above
        for label, seconds in sums.items():
            self.metric.labels(label)._sum.inc(seconds)  # noqa: SLF001 - as above


REQUESTS = Counts("lookreel_http_requests", "Answered requests", ["method", "route", "status"])
SECONDS = Times("lookreel_http_request_seconds", "Until an answer begins; streams go on afterwards", "route")
OPERATIONS = Counts("lookreel_graphql_operations", "Queries and mutations by root field", ["operation", "outcome"])
OPERATION_SECONDS = Times("lookreel_graphql_operation_seconds", "Until an operation is executed", "operation")
FALLBACKS = Counts("lookreel_graphql_fallbacks", "Queries left to the default executor", ["reason"])
TALLIES = (REQUESTS, SECONDS, OPERATIONS, OPERATION_SECONDS, FALLBACKS)
POOL_WAITS = Counter("lookreel_pool_waits", "How often a connection had to be waited for", ["pool"])
POOL_SECONDS = Counter("lookreel_pool_wait_seconds", "For how long connections were waited for", ["pool"])
TOKENS = Counter("lookreel_tokens", "Tokens moved, by the kind of the ledger's entry", ["kind"])
STREAMS = Gauge("lookreel_streams_open", "Open subscriptions and event streams", multiprocess_mode="livesum")
FEED = Gauge("lookreel_feed_seconds_behind", "How late changes are told to followers", multiprocess_mode="livemax")
MEMORY = Gauge("lookreel_memory_bytes", "Resident memory of a process", ["process"], multiprocess_mode="livemax")


class OfTheDatabase(Collector):
    """What the database says of all processes together; only that it does not answer, where it does not."""

    def __init__(self, figures: Figures | None) -> None:
        self._figures = figures

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield each gauge."""
        found = self._figures
        yield _gauge("database_up", "Whether the database has answered", {(): found is not None})
        if found is None:
            return
        states = {("pending",): found.pending, ("running",): found.running}
        yield _gauge("jobs_active", "Jobs in progress", states, ["status"])
        yield _gauge("jobs_oldest_pending_seconds", "Age of the oldest waiting job", {(): found.oldest_pending_seconds})
        places = {("queued",): found.queued, ("deferred",): found.deferred, ("picked",): found.picked}
        about = "Places in the queue: waiting, not to be taken yet, taken by workers"
        yield _gauge("queue_places", about, places, ["state"])
        yield _gauge("queue_oldest_seconds", "Age of the oldest waiting place", {(): found.oldest_queued_seconds})
        yield _gauge("workers_alive", "Workers that have given a sign of life lately", {(): found.workers_alive})
        yield _gauge("file_removals_due", "Files whose removal is due", {(): found.removals_due})
        yield _gauge("file_removals_failed", "Files whose removal has failed so far", {(): found.removals_failed})
        yield _gauge("providers_refusing", "Providers that refuse our credentials", {(): found.providers_refusing})
        yield _gauge("paused", "Whether creations are paused by an operator", {(): found.is_paused})


def exposition(figures: Figures | None) -> bytes:
    """Return everything as Prometheus reads it: of all processes where they share a folder, else of this one."""
    registry = CollectorRegistry()
    registry.register(OfTheDatabase(figures))
    return generate_latest(registry) + generate_latest(processes())


def processes() -> CollectorRegistry:
    """Return what the processes have counted."""
    folder = os.environ.get(METRICS_FOLDER)
    if not folder:
        return REGISTRY
    for file in Path(folder).glob("gauge_live*_*.db"):
        # What a process counted stays when it ends; what it had open does not.
        if not psutil.pid_exists(int(file.stem.rpartition("_")[2])):
            file.unlink(missing_ok=True)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def _gauge(
    name: str,
    meaning: str,
    values: Mapping[tuple[()], float] | Mapping[tuple[str], float],
    labels: list[str] | None = None,
) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"lookreel_{name}", meaning, labels=labels or [])
    for key, value in values.items():
        gauge.add_metric(key, value)
    return gauge


SAMPLE_SECONDS = 2.0


class Sampler:
    """Takes over the numbers of one process, which is called api or worker; only the first follows and has streams."""

    def __init__(
        self, process: str, database: Database, feed: JobFeed | None = None, streams: Streams | None = None
    ) -> None:
        self._database = database
        self._feed = feed
        self._streams = streams
        self._memory = MEMORY.labels(process)
        self._process = psutil.Process()
        self._seen: Numbers[Counter] = Numbers()

    async def run(self) -> None:
        """Take over until cancelled, and once more then."""
        try:
            while True:
                # psutil reads a file.
                self._memory.set((await asyncio.to_thread(self._process.memory_info)).rss)
                self.take_over()
                await asyncio.sleep(SAMPLE_SECONDS)
        finally:
            self.take_over()

    def take_over(self) -> None:
        """Bring the metrics up to date."""
        for tally in TALLIES:
            tally.take_over()
        database = self._database
        for name, pool in (("reads", database.reader), ("writes", database.writers), ("health", database.health)):
            self._count(POOL_WAITS.labels(name), pool.waits)
            self._count(POOL_SECONDS.labels(name), pool.seconds_waited)
        for kind, tokens in database.tokens.items():
            self._count(TOKENS.labels(str(kind)), tokens)
        if self._feed is not None:
            FEED.set(self._feed.seconds_behind)
        if self._streams is not None:
            STREAMS.set(self._streams.number)

    def _count(self, counter: Counter, total: float) -> None:
        """Add what has come since the last time: somebody else counts from the start of the process."""
        counter.inc(total - self._seen[counter])
        self._seen[counter] = total  # type: ignore[assignment]
