"""What is counted elsewhere is taken over into the metrics, some seconds late: so nothing below knows of metrics."""

import asyncio
from collections import Counter as Numbers

import psutil
from prometheus_client import Counter

from app import metrics
from db.engine.database import Database
from db.engine.feed import JobFeed
from resolvers.streams import Streams

SAMPLE_SECONDS = 2.0


class Sampler:
    """Takes over the numbers of one process, which is called api or worker; only the first follows and has streams."""

    def __init__(
        self, process: str, database: Database, feed: JobFeed | None = None, streams: Streams | None = None
    ) -> None:
        self._database = database
        self._feed = feed
        self._streams = streams
        self._memory = metrics.MEMORY.labels(process)
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
        for tally in metrics.TALLIES:
            tally.take_over()
        database = self._database
        for name, pool in (("reads", database.reader), ("writes", database.writers), ("health", database.health)):
            self._count(metrics.POOL_WAITS.labels(name), pool.waits)
            self._count(metrics.POOL_SECONDS.labels(name), pool.seconds_waited)
        for kind, tokens in database.tokens.items():
            self._count(metrics.TOKENS.labels(str(kind)), tokens)
        if self._feed is not None:
            metrics.FEED.set(self._feed.state.seconds_behind)
        if self._streams is not None:
            metrics.STREAMS.set(self._streams.number)

    def _count(self, counter: Counter, total: float) -> None:
        """Add what has come since the last time: somebody else counts from the start of the process."""
        counter.inc(total - self._seen[counter])
        self._seen[counter] = total  # type: ignore[assignment]
