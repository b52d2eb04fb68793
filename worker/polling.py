"""Asking a generator until the video is done."""

import logging
import random
from functools import partial

from resolvers import generation, submission
from resolvers.ports import (
    Generated,
    GenerationFailed,
    GenerationInterrupted,
    GeneratorUnreachable,
    ResultUnreadable,
    StillGenerating,
)
from worker import measures
from worker.run import Later, Run, cancel_upstream

MOST_GENERATIONS = 2
HIGHEST_ESTIMATE = 95
STEP = 5

logger = logging.getLogger("lookreel.worker")


async def wait_for_video(run: Run, operation_name: str) -> Generated:
    """Poll until the video is there, through any trouble on the way, for as long as a generation may take.

    Raises:
        GenerationFailed
        Later: the generator could not finish, and a second generation has to be submitted.
        HandedOver, Superseded, DatabaseUnavailable

    """
    failures = unreadable = 0
    while True:
        try:
            with measures.answered(run.provider, "poll"):
                answer = await run.context.unless_stopping(lambda: run.generator.poll(operation_name))
        except GeneratorUnreachable as trouble:
            failures, unreadable = failures + 1, 0
            if failures == 1:
                logger.warning("The generator cannot be asked about video job %s: %s", run.job.id, trouble)
            await run.require_ours()
            # A run that begins after an outage of ours finds many done, and others asking beside it.
            if failures >= run.context.retry_policy.result_tries:
                await _give_up_in_time(run)
            await run.context.pause(_backoff(run, failures, trouble.retry_after_seconds))
            continue
        except ResultUnreadable as trouble:
            unreadable += 1
            _give_up_unread(run, trouble, unreadable)
            await run.context.pause(_backoff(run, unreadable))
            continue
        except GenerationInterrupted as interruption:
            await _begin_anew(run, interruption)
            raise Later(0.05, "a second generation") from interruption
        if isinstance(answer, Generated):
            return answer
        failures = unreadable = 0
        await _give_up_in_time(run)
        await _report_progress(run, answer)
        await run.context.pause(answer.ask_again_seconds)


async def _give_up_in_time(run: Run) -> None:
    limit = run.context.retry_policy.generation_seconds
    if _elapsed_seconds(run) > limit:
        await cancel_upstream(run.context, run.job)
        raise GenerationFailed(
            "GENERATION_TIMED_OUT",
            f"The video was not ready after {limit / 60:.0f} minutes and was given up. Please create a new one.",
        )


def _give_up_unread(run: Run, trouble: ResultUnreadable, tries: int) -> None:
    most = run.context.retry_policy.result_tries
    what = "The generator's answer about video job %s (%s) cannot be read, for the %s. time of %s: %s"
    logger.error(what, run.job.id, run.job.operation_name, tries, most, trouble, exc_info=tries == 1)
    if tries >= most:
        raise GenerationFailed(
            "RESULT_UNREADABLE", "The generator's result could not be read. Please create a new video."
        ) from trouble


def _elapsed_seconds(run: Run) -> float:
    submitted_at = run.job.submitted_at or run.job.started_at or run.job.created_at
    return (run.now - submitted_at).total_seconds()


def _backoff(run: Run, failures: int, asked_seconds: float | None = None) -> float:
    seconds = run.context.retry_policy.retry_seconds(failures) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
    # No longer than until the job is given up.
    left = run.context.retry_policy.generation_seconds - _elapsed_seconds(run)
    return max(seconds, min(asked_seconds or 0, left))


async def _begin_anew(run: Run, interruption: GenerationInterrupted) -> None:
    if run.job.attempt >= MOST_GENERATIONS:
        raise GenerationFailed(interruption.code, interruption.message) from interruption
    await run.advance(partial(submission.begin_anew, reason=interruption.message), one_statement=True)


async def _report_progress(run: Run, answer: StillGenerating) -> None:
    percentage, is_estimated = answer.percentage, answer.percentage is None
    if percentage is None:
        expected = await run.context.run_times.expected_seconds(run.context.database.reader, run.job)
        percentage = estimated_percentage(_elapsed_seconds(run), expected)
    if percentage > run.job.progress_percentage:
        report = partial(generation.report_progress, percentage=percentage, is_estimated=is_estimated)
        await run.advance(report, one_statement=True)
    else:
        await run.require_ours()


def estimated_percentage(elapsed_seconds: float, expected_seconds: float) -> int:
    """Guess how far a generation is, in steps: 70 when it takes as long as expected, and ever slower towards 95."""
    share = 1 - 0.5 ** (2 * max(0.0, elapsed_seconds) / max(expected_seconds, 1.0))
    return int(HIGHEST_ESTIMATE * share) // STEP * STEP
