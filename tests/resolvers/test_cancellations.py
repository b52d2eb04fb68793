"""What comes back when a job is cancelled or deleted: the charge while nothing was sent, else nothing."""

from collections.abc import Sequence
from itertools import cycle

import pytest

from auth.caller import Caller, Role
from db.enums import LogLevel, VideoJobStatus
from db.tables import VideoJob
from db.video_jobs import JobRow
from tests.house import House
from tests.resolvers.stages import ACTIVE, ENDED, SPENT, UNSENT, Stage, books, job_at, refunds_of
from tests.resolvers.test_races import CANCEL, DELETE, Change
from tests.worker.test_generate import logs

REFUND = """query ($id: ID!) { videoJob(id: $id) { status charge { amount } refund { amount balanceAfter } }
    viewer { tokens { balance } } }"""


def stages(*among: Stage) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("stage", among, ids=[stage.name for stage in among])


def in_turns(change: str, wires: Sequence[Change], *among: Stage) -> pytest.MarkDecorator:
    """Try each stage over one wire: both call the same rule, and meet stages of each kind."""
    cases = list(zip(cycle(wires), among, strict=False))
    ids = [f"{wire}-{stage.name}" for wire, stage in zip(cycle(["rest", "graphql"]), among, strict=False)]
    return pytest.mark.parametrize((change, "stage"), cases, ids=ids)


def test_the_stages_tell_both_halves_of_the_condition_apart() -> None:
    """Some jobs are being sent without ever having started, and some are to be sent that have."""
    names = {stage.name for stage in SPENT}

    assert {"being sent", "about to be generated a second time"} <= names
    assert {stage.refunds for stage in UNSENT} == {1}
    assert {stage.refunds for stage in SPENT} == {0}


@in_turns("cancel", CANCEL, *ACTIVE)
async def test_a_cancelled_jobs_tokens_come_back_while_nothing_was_sent(
    house: House, cancel: Change, stage: Stage
) -> None:
    caller = await house.user()
    job = await job_at(house, caller, stage)
    before = await books(house, caller)

    codes = [await cancel(house, caller, str(job.id)) for _ in range(2)]

    assert (job.status, before) == (stage.status, (1, 0))
    assert codes == [None, None]
    cancelled = await house.job(job.id)
    assert (cancelled.status, cancelled.version) == (VideoJobStatus.CANCELLED, job.version + 1)
    assert await books(house, caller) == (1, stage.refunds)
    assert await refunds_of(house, job.id) == stage.refunds
    last = "Cancelled by the user" + (", 50 tokens refunded" if stage.refunds else "")
    assert [line for line in await logs(house, job.id) if "Cancelled" in line[1]] == [(LogLevel.WARNING, last)]
    await is_shown(house, caller, job, "CANCELLED", stage)


async def is_shown(house: House, caller: Caller, job: JobRow, status: str, stage: Stage) -> None:
    tokens = 50 + 50 * stage.refunds
    assert (await house.graphql(caller, REFUND, id=str(job.id)))["data"] == {
        "videoJob": {
            "status": status,
            "charge": {"amount": -50},
            "refund": {"amount": 50, "balanceAfter": 100} if stage.refunds else None,
        },
        "viewer": {"tokens": {"balance": tokens}},
    }
    answer = await house.http.get("/api/v1/subscription/info", headers=house.headers(caller))
    assert answer.json()["availableTokens"] == tokens


@in_turns("cancel", CANCEL, *ENDED)
async def test_a_job_that_has_ended_is_not_refunded_for_being_cancelled(
    house: House, cancel: Change, stage: Stage
) -> None:
    caller = await house.user()
    job = await job_at(house, caller, stage)
    before = await logs(house, job.id)

    code = await cancel(house, caller, str(job.id))

    was_cancelled = stage.status == VideoJobStatus.CANCELLED
    assert code == (None if was_cancelled else "VIDEO_JOB_NOT_CANCELLABLE")
    untouched = await house.job(job.id)
    assert (untouched.status, untouched.version) == (stage.status, job.version)
    assert await books(house, caller) == (1, stage.refunds)
    assert await logs(house, job.id) == before
    await is_shown(house, caller, job, stage.status, stage)


@in_turns("delete", DELETE, *ACTIVE, *ENDED)
async def test_a_deleted_jobs_tokens_come_back_while_nothing_was_sent(
    house: House, delete: Change, stage: Stage
) -> None:
    caller = await house.user()
    job = await job_at(house, caller, stage)

    codes = [await delete(house, caller, str(job.id)) for _ in range(2)]

    assert codes == [None, "VIDEO_JOB_NOT_FOUND"]
    assert await house.count(VideoJob.id == job.id) == 0
    assert await books(house, caller) == (1, stage.refunds)
    assert await refunds_of(house, job.id) == stage.refunds


@pytest.mark.parametrize("change", [*CANCEL, *DELETE])
async def test_what_an_admin_cancels_or_deletes_is_refunded_to_its_owner(house: House, change: Change) -> None:
    owner, admin = await house.user(), await house.user(role=Role.ADMIN)
    job_id = await house.create(owner)

    assert await change(house, admin, job_id) is None

    assert (await books(house, owner), await house.tokens(owner)) == ((1, 1), 100)
    assert (await books(house, admin), await house.tokens(admin)) == ((0, 0), 100)


@pytest.mark.parametrize("change", [*CANCEL, *DELETE])
@stages(UNSENT[0], SPENT[0])
async def test_what_is_not_ones_own_is_neither_cancelled_nor_refunded(
    house: House, change: Change, stage: Stage
) -> None:
    owner, other = await house.user(), await house.user()
    job = await job_at(house, owner, stage)

    assert await change(house, other, str(job.id)) == "VIDEO_JOB_NOT_FOUND"

    assert (await house.job(job.id)).version == job.version
    assert (await books(house, owner), await books(house, other)) == ((1, 0), (0, 0))
