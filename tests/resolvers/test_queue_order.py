"""Who goes first: whoever has least in progress, and has been here for longer; and how many may wait."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from auth.caller import Caller
from db import accounts
from db.tables import VideoJob
from resolvers import video_job_creation
from resolvers.accounts import get_or_create_account
from resolvers.limits import handicap, queue_places
from resolvers.policy import BUILT_IN, Queue, Tier
from resolvers.video_job_input import VideoJobInput
from tests.house import CATALOGUE, House, eventually
from tests.policies import under_policy
from tests.wires import GraphQLWire, RestWire
from tests.workers import at_work

ASKED = VideoJobInput(
    prompt="Turn",
    model="veo-3.1-generate-preview",
    resolution="720p",
    aspect_ratio="16:9",
    duration_seconds=8,
    generate_audio=False,
    mock_mode=True,
)
NEWCOMERS, JOBS_EACH = 40, 2


async def aged(house: House, caller: Caller, days: int = 30) -> Caller:
    async with house.database.session() as session:
        statement = f"UPDATE users SET created_at = now() - interval '{days} days' WHERE id = '{caller.user_id}'"  # noqa: S608 - ours
        await session.execute(text(statement))
    return caller


async def created(house: House, caller: Caller) -> UUID:
    async with house.database.transaction() as transaction:
        await get_or_create_account(transaction, caller)
        return (await video_job_creation.create(transaction, caller, ASKED, CATALOGUE)).job.id


async def places(house: House, job_ids: Sequence[UUID]) -> list[int]:
    async with house.database.transaction() as transaction:
        found = await queue_places(transaction, job_ids, CATALOGUE)
    return [found[id_].position for id_ in job_ids]


async def flood(house: House) -> None:
    async with house.database.transaction() as transaction:
        for caller in [Caller(uuid4(), None) for _ in range(NEWCOMERS)]:
            await get_or_create_account(transaction, caller)
            for _ in range(JOBS_EACH):
                await video_job_creation.create(transaction, caller, ASKED, CATALOGUE)


async def begun(house: House) -> list[UUID]:
    """Return the jobs that a worker has begun with, in that order."""
    async with house.database.session() as session:
        rows = await session.execute(text("SELECT id FROM video_jobs WHERE started_at IS NOT NULL ORDER BY started_at"))
        return [row.id for row in rows]


async def test_forty_new_accounts_do_not_keep_others_waiting(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    known, new = await aged(house, await house.user()), await house.user()
    await flood(house)
    first, second = await created(house, known), await created(house, known)
    newcomer = await created(house, new)

    # Behind nobody; then behind the flood's first jobs, but not behind their second ones, as the newest of 83.
    assert await places(house, [first, second, newcomer]) == [1, NEWCOMERS + 2, NEWCOMERS + 3]

    monkeypatch.setattr("worker.service.BATCH", 2)
    catalogue = replace(CATALOGUE, generations_at_once=2)
    async with at_work(house.settings, house.database, catalogue=catalogue):
        order = await eventually(lambda: begun(house), lambda ids: len(ids) >= 2)
    assert first in order[:2]


async def test_the_place_is_the_order_in_which_workers_take_jobs(house: House) -> None:
    known, new = await aged(house, await house.user(tokens=1000)), await house.user(tokens=1000)
    jobs = [await created(house, caller) for caller in (new, new, known, known, new, known)]

    async with house.database.session() as session:
        rows = await session.execute(text("SELECT dedupe_key FROM pgqueuer ORDER BY priority DESC, id"))
        taken = [UUID(row.dedupe_key) for row in rows]

    assert await places(house, taken) == [1, 2, 3, 4, 5, 6]
    # In tens of minutes: 1, 2 for the new one's first two, 0, 1 for the other's, 3, 2.
    assert taken == [jobs[place] for place in (2, 0, 3, 1, 5, 4)]


async def test_a_lost_job_gets_its_old_place_back(house: House) -> None:
    known, new = await aged(house, await house.user()), await house.user()
    jobs = [await created(house, caller) for caller in (new, known)]
    async with house.database.session() as session:
        before = list(await session.execute(text("DELETE FROM pgqueuer RETURNING dedupe_key, priority")))

    async with at_work(house.settings, house.database, catalogue=replace(CATALOGUE, generations_at_once=1)):
        order = await eventually(lambda: begun(house), lambda ids: len(ids) == 2)

    assert (len(before), order) == (2, [jobs[1], jobs[0]])


@pytest.mark.parametrize(
    ("tier", "age", "active", "seconds"),
    [
        ("free", timedelta(hours=25), 0, 0),
        ("free", timedelta(hours=23), 0, 60),
        ("free", timedelta(hours=23), 2, 660),
        ("free", timedelta(days=9), 2, 600),
        ("pro", timedelta(0), 0, -120),
        ("pro", timedelta(0), 1, 180),
        ("gone", timedelta(0), 1, 300),
    ],
)
async def test_a_handicap_has_an_end_and_tiers_a_head_start(
    house: House, tier: str, age: timedelta, active: int, seconds: int
) -> None:
    """What is asked for later than that comes later, too: nobody is overtaken for ever."""
    policy = BUILT_IN.model_copy(
        update={
            "queue": Queue(own_job_seconds=300, newcomer_seconds=60),
            "tiers": BUILT_IN.tiers | {"pro": Tier(name="Pro", head_start_seconds=120)},
        }
    )
    caller = await house.user()
    async with house.database.session() as session:
        values = {"tier": tier, "created": datetime.now(UTC) - age, "id": caller.user_id}
        await session.execute(text("UPDATE users SET tier = :tier, created_at = :created WHERE id = :id"), values)
    account = await accounts.get(house.database.reader, caller.user_id)
    assert account is not None

    assert handicap(account, active, policy) == timedelta(seconds=seconds)


async def test_one_more_than_may_wait_is_refused_on_both_wires_and_costs_nothing(house: House) -> None:
    async with under_policy(house, "[queue]\nmost_waiting = 2") as small:
        accepted = [await RestWire(small).create(await house.user()) for _ in range(2)]
        caller = await house.user()
        before = await house.traces(caller)

        answers = [await wire.create(caller) for wire in (RestWire(small), GraphQLWire(small))]
        raw = await small.http.post(
            "/api/v1/video-jobs", headers=small.headers(caller), files=[("prompt", (None, "x"))]
        )
        after = await house.traces(caller)
        job = accepted[0].job
        assert job is not None
        await house.http.post(f"/api/v1/video-jobs/{job['id']}/cancel", headers=house.headers(caller))

    assert [answer.code for answer in (*accepted, *answers)] == [None, None, "QUEUE_FULL", "QUEUE_FULL"]
    assert (raw.status_code, after) == (422, before)


async def test_the_bound_holds_within_what_is_decided_side_by_side(house: House) -> None:
    async with under_policy(house, "[queue]\nmost_waiting = 5") as small:
        callers = [await house.user() for _ in range(25)]
        answers = await asyncio.gather(*(RestWire(small).create(caller) for caller in callers))

    waiting = await house.count(VideoJob.status == "PENDING")
    assert waiting == sum(answer.job is not None for answer in answers)
    # Each connection for transactions may decide once beside the others.
    assert 5 <= waiting <= 5 + house.settings.database_pool_size
    assert {answer.code for answer in answers if answer.job is None} == {"QUEUE_FULL"}
