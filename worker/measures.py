"""What a worker counts about its jobs, and the line in the log when one ends.

Labels are names of ours: a mock video's prompt may ask for any code, and becomes none of them.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram

from db.enums import VideoJobStatus
from db.video_jobs import JobRow
from resolvers.failure_codes import FAILURE_CODES
from resolvers.observing import span

ENDED = Counter("lookreel_jobs_ended", "Jobs that a worker has ended", ["status", "code"])
WAIT = Histogram(
    "lookreel_job_wait_seconds",
    "From a job's creation until a generator has accepted it",
    buckets=(1, 2.5, 5, 15, 30, 60, 180, 600, 1800, 3600),
)
STEP = Histogram(
    "lookreel_job_step_seconds",
    "What a step has taken, whether or not it was done",
    ["step"],
    buckets=(0.05, 0.25, 1, 5, 15, 30, 60, 120, 300, 600, 1200),
)
ANSWERS = Counter("lookreel_provider_answers", "What providers have answered", ["provider", "call", "answer"])

logger = logging.getLogger("lookreel.worker")


def begun(job: JobRow) -> None:
    """Note a job that a generator has accepted for the first time."""
    if job.started_at is not None and job.attempt == 1:
        WAIT.observe((job.started_at - job.created_at).total_seconds())


def ended(job: JobRow) -> None:
    """Note a job that has ended; why it failed, but not in which words: they may be of its prompt."""
    code = job.error_code or ""
    ENDED.labels(job.status, code if not code or code in FAILURE_CODES else "OTHER").inc()
    level = logging.WARNING if job.status == VideoJobStatus.FAILED else logging.INFO
    logger.log(level, "Video job %s has ended: %s %s", job.id, job.status, code)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Note how long a step takes."""
    began = time.monotonic()
    try:
        with span(name):
            yield
    finally:
        STEP.labels(name).observe(time.monotonic() - began)


@contextmanager
def answered(provider: str, call: str) -> Iterator[None]:
    """Note what a call of a provider has come to: `ok`, or the name of the error."""
    answer = "ok"
    try:
        with span(f"{provider} {call}", SpanKind.CLIENT):
            yield
    except BaseException as error:
        answer = type(error).__name__
        raise
    finally:
        ANSWERS.labels(provider, call, answer).inc()
