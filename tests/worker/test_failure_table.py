"""Every row of the table of failures: what Google and Cloudinary do, and what becomes of a job.

The doubles are scripted for each job, a worker with Google's own SDK meets that for many jobs at once, and a test looks
at all that a user and an operator can see: the job, its message, the submits that arrived, and the tokens.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from app.generators import veo_access
from db.enums import LogLevel
from providers.veo.generator import VeoGenerator
from providers.veo.models import NAME
from tests.doubles.veo import VeoDouble
from tests.worker.failure_table import TABLE
from tests.worker.side_by_side import Outcome, outcomes
from tests.worker.studio import CHARGED, HASTE, REFUNDED, Studio

# A job that succeeds keeps its charge above all where failed ones do not.
CASES = [(number, refund) for number, row in enumerate(TABLE) for refund in ([False, True] if row.code else [True])]
NAMES = [f"{TABLE[number].symptom}, with refunds" if refund else TABLE[number].symptom for number, refund in CASES]
Case = tuple[int, bool]


def made_with(case: Case) -> list[Case]:
    """Return the rows that one worker meets at once; credentials that are refused would stop the other jobs."""
    row = TABLE[case[0]]
    if row.refunded:
        return [case]
    alike = (row.timeout_seconds, row.retry_policy, False)
    rows = [(other.timeout_seconds, other.retry_policy, other.refunded) for other in TABLE]
    return [(number, refund) for number, refund in CASES if refund == case[1] and rows[number] == alike]


@pytest.fixture(scope="module")
def known() -> dict[Case, Outcome[VeoDouble]]:
    """The outcomes so far."""
    return {}


@pytest.fixture
async def outcome(known: dict[Case, Outcome[VeoDouble]], lasting_studio: Studio, case: Case) -> Outcome[VeoDouble]:
    if case not in known:
        number, refund = case
        scripts = {other: TABLE[other[0]].script for other in made_with(case)}
        policy = replace(HASTE, **{"generation_seconds": 120} | TABLE[number].retry_policy)
        studio = lasting_studio
        async with generators(studio, TABLE[number].timeout_seconds) as changes:
            working = studio.working(policy, refund_failed_jobs=refund, **changes)
            known.update(await outcomes(studio, studio.veo, scripts, working))
    return known[case]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_failure_has_its_end(case: Case, outcome: Outcome[VeoDouble]) -> None:
    (number, refund), job = case, outcome.job
    row = TABLE[number]

    # The worker has let go: nothing more can happen to the job.
    assert not outcome.is_queued
    assert (job.error_code, job.status) == (row.code, "FAILED" if row.code else "SUCCEEDED")
    assert outcome.message == row.message
    assert (len(outcome.double.submits), len(outcome.double.accepted)) == (row.submits, row.accepted)
    assert outcome.money == (REFUNDED if row.refunded or (refund and row.code) else CHARGED)
    warnings = outcome.logged(LogLevel.WARNING)
    assert bool(warnings) == (row.log is not None), warnings
    assert any((row.log or "") in message for message in warnings) == (row.log is not None), warnings
    assert outcome.logged(LogLevel.ERROR) == ([row.message] if row.message else [])
    assert outcome.uploads == (0 if row.code else row.uploads)
    assert [upload.key for upload, _ in outcome.stored] == ([] if row.code else [("video", f"lookreel/{job.id}")])
    assert outcome.leftovers == []
    for upload, properties in outcome.stored:
        assert not properties.has_audio
        assert (job.video_size_bytes, job.progress_percentage) == (upload.size, 100)
        assert f"/v{upload.version}/" in str(job.cloudinary_url)


@asynccontextmanager
async def generators(studio: Studio, timeout_seconds: float | None) -> AsyncIterator[dict[str, Any]]:
    """Yield a generator that waits no longer than that for an answer, as what is to be changed in the context."""
    if timeout_seconds is None:
        yield {}
        return
    generator = VeoGenerator(replace(veo_access(studio.house.settings), timeout_seconds=timeout_seconds))
    yield {"generators": {NAME: generator}}
    await generator.aclose()
