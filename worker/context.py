"""What every run shares, and how patient it is."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

from db import run_times
from db.engine.database import Database
from db.engine.statements import Reader
from db.video_jobs import JobRow
from resolvers.errors import GenerationSuspended
from resolvers.models import Catalogue
from resolvers.ports import Storage, VideoGenerator
from resolvers.retention import Retention

T = TypeVar("T")

# Until there are videos to reckon from: Veo takes between 11 seconds and 6 minutes.
TYPICAL_SECONDS = 60.0
REMEMBERED_SECONDS = 60.0


class HandedOver(Exception):
    """The worker is stopping; another one goes on from what the row says."""


@dataclass(frozen=True)
class RetryPolicy:
    """How long and how often things are tried, in seconds and times."""

    generation_seconds: float = 20 * 60
    """A generation that takes longer is given up."""
    first_retry_seconds: float = 1
    longest_retry_seconds: float = 60
    submit_errors: int = 3
    """How often a submit is repeated that the generator answered with an error of its own, or with a refusal of our
    credentials that was known."""
    quota_seconds: float = 20
    """How long all wait after a refusal for quota that does not say how long."""
    refused_seconds: float = GenerationSuspended.retry_after_seconds
    """How long all wait after a refusal of our credentials, before one job tries them again."""
    uncertain_seconds: float = 90
    """How long the sender of a job has to come back with the operation's name, before it is called uncertain."""
    recording_seconds: float = 300
    """How long an operation's name, or a refusal, is held for a database that cannot be reached."""
    result_tries: int = 6
    """How often in a row the answer about a generation, or its video, may be unreadable before the job fails."""
    store_tries: int = 3
    """How often a video is stored from the file at hand, before the job waits in the queue for another try."""
    most_store_faults: int = 40
    """How often it waits so: over half an hour, in which an operator can mend what keeps the storage from keeping."""
    most_faults: int = 5
    """How often a fault of ours may stop a job, each time for longer, before it is called failed."""

    def retry_seconds(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row, from 1."""
        return float(min(self.longest_retry_seconds, self.first_retry_seconds * 2 ** min(failures - 1, 30)))


@dataclass
class RunTimes:
    """The median run times of the latest videos by model, read anew once a minute."""

    _known: dict[tuple[str, bool], tuple[float, float]] = field(default_factory=dict)

    async def expected_seconds(self, reader: Reader, job: JobRow) -> float:
        """Return how long a generation like the job's is expected to take."""
        key = (job.model, job.mock_mode)
        seconds, read_at = self._known.get(key, (0.0, float("-inf")))
        if time.monotonic() - read_at > REMEMBERED_SECONDS:
            median = await run_times.median_seconds(reader, job.model, mock_mode=job.mock_mode)
            seconds = TYPICAL_SECONDS if median is None else median
            self._known[key] = (seconds, time.monotonic())
        return seconds


@dataclass(frozen=True)
class WorkerContext:
    """The database, the outside world, what is offered, and the event that says that the worker is stopping.

    `generators` has those that can be used here, by their providers' names. `scratch` is where they leave fetched
    videos, in seconds' or minutes' need. `most_jobs` is how many jobs this worker holds at once, 2 at least.
    """

    database: Database
    generators: Mapping[str, VideoGenerator]
    storage: Storage
    catalogue: Catalogue
    scratch: Path
    refund_failed_jobs: bool
    stopping: asyncio.Event
    most_jobs: int = 200
    retry_policy: RetryPolicy = RetryPolicy()
    retention: Retention = field(default_factory=Retention)
    run_times: RunTimes = field(default_factory=RunTimes)
    worker_id: UUID = field(default_factory=uuid4)
    # Jobs being begun with, together (decision 56). The others of a long queue wait here, and not for a connection:
    # whoever waits for that too long gets none.
    starting_room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(100))
    # Submits with images: up to 100 MB of them each, and half as much again in base64.
    image_room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    # Videos being looked at and stored.
    storing_room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))

    async def pause(self, seconds: float) -> None:
        """Wait between two tries; raises HandedOver."""
        with suppress(TimeoutError):
            # Not `wait_for`, which makes a task of each of thousands of waits.
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
            raise HandedOver

    async def unless_stopping(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do what may be broken off and done again: a stopping worker does not wait for it; raises HandedOver."""
        working = asyncio.ensure_future(work())
        stopped = asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise HandedOver
        finally:
            stopped.cancel()
            working.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await working
