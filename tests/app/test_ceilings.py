"""Ceilings: how many tokens may be used in a day, by one user and by all."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from auth.caller import Role
from db.tables import VideoJob
from tests.house import FORM, House, multipart
from tests.policies import quote, under_policy, wires_of
from tests.wires import GraphQLWire, RestWire


@pytest.mark.parametrize(("wire_class", "tier"), [(RestWire, "free"), (GraphQLWire, "free"), (RestWire, "ultimate")])
async def test_a_users_ceiling_is_of_all_that_was_used_today(
    house: House, wire_class: type[RestWire | GraphQLWire], tier: str
) -> None:
    caller = await house.user(tokens=1000)
    await house.create(caller)
    async with house.database.session() as session:
        await session.execute(
            text("UPDATE users SET tier = :tier WHERE id = :id"), {"tier": tier, "id": caller.user_id}
        )
        await session.execute(text("UPDATE token_ledger SET created_at = created_at - interval '1 day'"))
    async with under_policy(house, "ceilings.user_tokens_a_day = 70") as own:
        mine = wire_class(own)
        first = await mine.create(caller)
        paid = await own.http.post(
            "/api/v1/subscription/consume", json={"operation": "text_to_image"}, headers=own.headers(caller)
        )
        before = await own.traces(caller)
        refused = await mine.create(caller)
        quoted = await quote(own, caller)
        assert first.job is not None
        assert await own.traces(caller) == before
        await own.http.post(f"/api/v1/video-jobs/{first.job['id']}/cancel", headers=own.headers(caller))
        again = await mine.create(caller)

    assert paid.json()["success"]
    assert (refused.code, quoted["errors"]) == ("SPENDING_CEILING", [{"code": "SPENDING_CEILING"}])
    assert refused.message == (
        "The spending ceiling of 70 tokens a day for one user is reached for today. Nothing was charged. "
        "Please try again tomorrow (UTC)."
    )
    assert again.code is None


@pytest.mark.parametrize(
    ("ceiling", "whose"),
    [("user_tokens_a_day", "49 tokens a day for one user"), ("house_tokens_a_day", "this service")],
)
async def test_nobody_is_told_to_try_again_where_the_price_is_above_the_ceiling(
    house: House, ceiling: str, whose: str
) -> None:
    caller = await house.user(tokens=1000)
    before = await house.traces(caller)
    async with under_policy(house, f"ceilings.{ceiling} = 49") as own:
        refused = [await wire.create(caller) for wire in wires_of(own)]

    message = f"The spending ceiling of {whose} is below the price. Nothing was charged."
    assert [(answer.code, answer.message) for answer in refused] == [("SPENDING_CEILING", message)] * 2
    assert await house.traces(caller) == before


async def test_a_ceiling_can_be_used_up_and_does_not_concern_what_is_free(house: House) -> None:
    caller, tier = await house.user(tokens=1000), "[tiers.free]\nname='F'\nslots=9"
    async with under_policy(house, f"ceilings.user_tokens_a_day = 100\n{tier}") as own:
        exactly = [await wire.create(caller) for wire in wires_of(own)]
        before = await own.traces(caller)
        more = [await wire.create(caller) for wire in wires_of(own)]
        after = await own.traces(caller)
    ceilings = "[ceilings]\nuser_tokens_a_day = 99\nhouse_tokens_a_day = 99"
    async with under_policy(house, f"[operations]\nvideo_generation = 0\n{ceilings}\n{tier}") as own:
        free = [await wire.create(caller) for wire in wires_of(own)]

    assert [answer.code for answer in (*exactly, *more, *free)] == [None] * 2 + ["SPENDING_CEILING"] * 2 + [None] * 2
    assert after == before
    assert await house.tokens(caller) == 900


@pytest.mark.parametrize("ceiling", ["user_tokens_a_day", "house_tokens_a_day"])
async def test_a_ceiling_of_one_video_says_when_the_day_ends(house: House, ceiling: str) -> None:
    caller = await house.user(tokens=1000)
    async with under_policy(house, f"ceilings.{ceiling} = 50") as own:
        await own.create(caller)
        answer = await own.http.post("/api/v1/video-jobs", files=multipart(FORM), headers=own.headers(caller))

    now = datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert answer.status_code == 429
    assert answer.json()["detail"].endswith("Please try again tomorrow (UTC).")
    assert abs(int(answer.headers["Retry-After"]) - (midnight - now).total_seconds()) < 10
    assert await house.count(VideoJob.user_id == caller.user_id) == 1


async def test_the_houses_ceiling_holds_for_many_users_at_once_and_for_unlimited_ones(house: House) -> None:
    admin = await house.user(role=Role.ADMIN)
    callers = [await house.user() for _ in range(12)]
    async with under_policy(house, "ceilings.house_tokens_a_day = 250") as own:
        path = f"/api/v1/admin/users/{callers[0].user_id}/subscription/tier"
        await own.http.put(path, json={"tier": "ultimate"}, headers=own.headers(admin))
        first = await own.create(callers[0])
        answers = await asyncio.gather(*(wires_of(own)[turn % 2].create(one) for turn, one in enumerate(callers[1:])))
        spent = await own.graphql(admin, "{ adminSpending(days: 2) { ceiling days { day tokens } } }")
        refused = await own.graphql(admin, "{ adminSpending(days: 32) { ceiling } }")
        await own.http.post(f"/api/v1/video-jobs/{first}/cancel", headers=own.headers(callers[0]))
        after_refund = [await RestWire(own).create(await own.user()) for _ in range(2)]

    today = datetime.now(UTC)
    assert spent["data"]["adminSpending"] == {
        "ceiling": 250,
        "days": [
            {"day": f"{today - timedelta(days=1):%Y-%m-%d}", "tokens": 0},
            {"day": f"{today:%Y-%m-%d}", "tokens": 250},
        ],
    }
    assert refused["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
    assert Counter(answer.code for answer in answers) == {None: 4, "SPENDING_CEILING": 7}
    assert [answer.code for answer in after_refund] == [None, "SPENDING_CEILING"]
    assert await house.count() == 6
    assert (await house.job(first)).tokens_consumed == 0
