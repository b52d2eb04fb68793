"""Periods of an owner's tiers: renewed once, by whoever looks at the account or by maintenance."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from auth.caller import Caller, Role
from tests.house import House
from tests.policies import quote, under_policy
from tests.wires import RestWire
from tests.worker.scripted import ScriptedGenerator
from tests.worker.test_generate import context
from worker.housekeeping import renew_periods

RENEWING = "[tiers.free]\nname='Free'\nshare=100\nperiod_days=10\nrenews=true"


async def set_period_back(house: House, caller: Caller, days: int) -> None:
    async with house.database.session() as session:
        now = datetime.now(UTC)
        statement = "UPDATE users SET period_start = :start, period_end = :end WHERE id = :id"
        values = {"start": now - timedelta(days=days + 10), "end": now - timedelta(days=days), "id": caller.user_id}
        await session.execute(text(statement), values)


@pytest.mark.parametrize("days", [0, 25])
@pytest.mark.parametrize("way", ["info", "viewer", "create", "consume", "admin"])
async def test_a_period_renews_when_the_account_is_looked_at_once(house: House, way: str, days: int) -> None:
    caller, admin = await house.user(), await house.user(role=Role.ADMIN)
    await house.create(caller)
    async with under_policy(house, RENEWING) as own:
        await is_known(own, caller)
        await set_period_back(house, caller, days)
        await asyncio.gather(*(look(own, caller, admin, way) for _ in range(5)))
        info = (await own.http.get("/api/v1/subscription/info", headers=own.headers(caller))).json()
        history = (await own.http.get("/api/v1/subscription/history", headers=own.headers(caller))).json()

    resets = [entry for entry in history["transactions"] if entry["type"] == "reset"]
    assert [(entry["amount"], entry["balanceAfter"], entry["adminEmail"]) for entry in resets] == [(50, 100, None)]
    assert info["totalTokens"] == 100
    start, end = (datetime.fromisoformat(info[name]) for name in ("periodStart", "periodEnd"))
    assert end - start == timedelta(days=10)
    assert start <= datetime.now(UTC) < end


async def is_known(house: House, caller: Caller) -> None:
    """Let the process have seen the caller: at first sight it looks at the account, whatever is asked for."""
    await house.graphql(caller, "{ __typename }")


async def look(house: House, caller: Caller, admin: Caller, way: str) -> None:
    if way == "viewer":
        await house.graphql(caller, "{ viewer { id } }")
    elif way == "create":
        await RestWire(house).create(caller)
    elif way == "consume":
        body = {"operation": "text_to_text"}
        await house.http.post("/api/v1/subscription/consume", json=body, headers=house.headers(caller))
    elif way == "admin":
        path = f"/api/v1/admin/users/{caller.user_id}/subscription"
        await house.http.get(path, headers=house.headers(admin))
    else:
        await house.http.get("/api/v1/subscription/info", headers=house.headers(caller))


async def test_what_a_new_period_gives_is_there_for_whoever_begins_it(house: House) -> None:
    reader, creator, payer, asker = [await house.user(tokens=0) for _ in range(4)]

    async with under_policy(house, RENEWING) as own:
        for caller in (reader, creator, payer, asker):
            await is_known(own, caller)
            await set_period_back(house, caller, 1)
        seen = (await own.http.get("/api/v1/subscription/info", headers=own.headers(reader))).json()
        created = await RestWire(own).create(creator)
        body = {"operation": "text_to_image"}
        paid = await own.http.post("/api/v1/subscription/consume", json=body, headers=own.headers(payer))
        quoted = await quote(own, asker)

    assert (quoted["balance"], quoted["errors"]) == (100, [])
    assert (seen["availableTokens"], seen["consumedTokens"]) == (100, 0)
    assert (created.code, await house.tokens(creator)) == (None, 50)
    assert (paid.json()["availableTokens"], paid.json()["consumedTokens"]) == (90, 10)


async def test_what_was_used_after_the_end_of_a_period_comes_back_where_the_next_one_began_at_that_end(
    house: House,
) -> None:
    """The tier has come to renew only since: the charge counts as one of the new period, whose use is none."""
    caller = await house.user()
    await set_period_back(house, caller, 5)
    job_id = await house.create(caller)

    async with under_policy(house, RENEWING) as own:
        headers = own.headers(caller)
        await own.http.get("/api/v1/subscription/info", headers=headers)
        cancelled = await own.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=headers)
        info = (await own.http.get("/api/v1/subscription/info", headers=headers)).json()

    assert cancelled.status_code == 200, cancelled.text
    assert [info[name] for name in ("availableTokens", "consumedTokens", "lifetimeConsumed")] == [150, 0, 0]


async def test_a_period_is_as_long_as_its_tier_says_and_gives_what_that_says(house: House) -> None:
    """An unlimited tier gives nothing, whatever share the file names."""
    admin, periods = await house.user(role=Role.ADMIN), []
    free = "[tiers.free]\nname='Free'\nshare=40\nperiod_days=3"
    vip = "[tiers.vip]\nname='Vip'\nshare=7\nperiod_days=10\nunlimited=true"
    async with under_policy(house, f"{free}\n{vip}") as own:
        caller = own.unknown_caller()
        for tier in (None, "vip", "free"):
            if tier is not None:
                path = f"/api/v1/admin/users/{caller.user_id}/subscription/tier"
                await own.http.put(path, json={"tier": tier}, headers=own.headers(admin))
            info = (await own.http.get("/api/v1/subscription/info", headers=own.headers(caller))).json()
            start, end = (datetime.fromisoformat(info[name]) for name in ("periodStart", "periodEnd"))
            periods.append(((end - start).days, await house.tokens(caller)))

    assert periods == [(3, 100), (10, 0), (3, 40)]


async def test_without_a_renewing_tier_only_an_admin_begins_a_period(house: House) -> None:
    caller = await house.user(tokens=20)
    await set_period_back(house, caller, 25)

    info = (await house.http.get("/api/v1/subscription/info", headers=house.headers(caller))).json()
    await renew_periods(context(house, ScriptedGenerator()))

    assert (info["availableTokens"], await house.tokens(caller)) == (20, 20)


async def test_housekeeping_renews_what_nobody_looks_at(house: House) -> None:
    due, other = await house.user(tokens=20), await house.user(tokens=20)
    await set_period_back(house, due, 25)
    working = context(house, ScriptedGenerator())
    free = working.catalogue.policy.tiers["free"].model_copy(update={"renews": True})
    policy = working.catalogue.policy.model_copy(update={"tiers": working.catalogue.policy.tiers | {"free": free}})

    for _ in range(2):
        await renew_periods(replace(working, catalogue=replace(working.catalogue, policy=policy)))

    assert (await house.tokens(due), await house.tokens(other)) == (100, 20)
