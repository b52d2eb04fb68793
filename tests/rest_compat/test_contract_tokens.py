"""Tokens and the one-time migration, as the REST contract describes them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from auth.caller import Caller, Role
from tests.house import House
from tests.rest_compat.test_contract import call, refused

PATH = "/api/v1/subscription"
MIGRATION = "/api/v1/migrate/look-videos"
WELCOME = {
    "type": "topup",
    "kind": "WELCOME",
    "amount": 100,
    "balanceBefore": 0,
    "balanceAfter": 100,
    "description": "Welcome",
    "reference": None,
    "operation": None,
    "adminEmail": None,
    "videoJobId": None,
}


async def read(house: House, caller: Caller, path: str) -> Any:
    answer = await call(house, caller, "GET", f"{PATH}{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_new_account_starts_with_100_tokens(house: House) -> None:
    caller = house.unknown_caller()

    info = await read(house, caller, "/info")
    history = await read(house, caller, "/history")

    start, end = (datetime.fromisoformat(info.pop(name)) for name in ("periodStart", "periodEnd"))
    assert (end - start, start.tzinfo) == (timedelta(days=30), UTC)
    assert info == {
        "tier": "free",
        "totalTokens": 100,
        "availableTokens": 100,
        "consumedTokens": 0,
        "lifetimeConsumed": 0,
        "usedTokens": 0,
        "isUnlimited": False,
    }
    (entry,) = history.pop("transactions")
    assert history == {"total": 1, "skip": 0, "limit": 50}
    assert entry.pop("createdAt").endswith("Z")
    assert UUID(entry.pop("id"))
    assert entry == WELCOME


async def test_costs_are_for_everybody(house: House) -> None:
    answers = [await call(house, caller, "GET", f"{PATH}/costs") for caller in (None, await house.user())]

    costs = {
        "text_to_image": 10,
        "multi_modal": 20,
        "multi_modal_light": 8,
        "video_generation": 50,
        "image_to_text": 5,
        "text_to_text": 3,
    }
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"costs": costs})] * 2


async def test_tiers_are_for_everybody_also_with_a_bad_token(house: House) -> None:
    bad = {"Authorization": "Bearer no.jwt.atall"}
    answers = [await call(house, None, "GET", f"{PATH}/tiers", headers=headers) for headers in ({}, bad)]

    rows = [
        ("free", "Free", 100, False),
        ("basic", "Basic", 300, False),
        ("pro", "Pro", 1000, False),
        ("pro_plus", "Pro Plus", 3000, False),
        ("ultimate", "Ultimate", -1, True),
    ]
    tiers = [dict(zip(("tier", "name", "tokensPerMonth", "isUnlimited"), row, strict=True)) for row in rows]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"tiers": tiers})] * 2


async def test_info_tells_balance_and_use(house: House) -> None:
    caller = await house.user(tokens=200)
    kept, cancelled = await house.create(caller), await house.create(caller)
    charged = await read(house, caller, "/info")
    await call(house, caller, "POST", f"/api/v1/video-jobs/{cancelled}/cancel")

    refunded = await read(house, caller, "/info")

    names = ("availableTokens", "totalTokens", "consumedTokens", "lifetimeConsumed", "usedTokens")
    assert [charged[name] for name in names] == [100, 200, 100, 100, 100]
    assert [refunded[name] for name in names] == [150, 200, 50, 50, 50]
    assert (await house.job(kept)).tokens_consumed == 50


async def test_a_mock_video_costs_the_same(house: House) -> None:
    caller = await house.user(tokens=50)

    await house.create(caller, mockMode="true")

    assert (await read(house, caller, "/info"))["availableTokens"] == 0


async def test_the_ledger_is_told_newest_first_and_adds_up(house: House) -> None:
    caller = await house.user(tokens=200)
    first, second = await house.create(caller), await house.create(caller)
    await call(house, caller, "POST", f"/api/v1/video-jobs/{first}/cancel")

    history = await read(house, caller, "/history")

    entries = history["transactions"]
    assert [(one["kind"], one["amount"], one["balanceAfter"], one["videoJobId"]) for one in entries] == [
        ("REFUND", 50, 150, first),
        ("CHARGE", -50, 100, second),
        ("CHARGE", -50, 150, first),
        ("GRANT", 100, 200, None),
        ("WELCOME", 100, 100, None),
    ]
    assert all(newer["balanceAfter"] == older["balanceAfter"] + newer["amount"] for newer, older in pairwise(entries))
    assert all(newer["createdAt"] > older["createdAt"] for newer, older in pairwise(entries))
    assert sum(one["amount"] for one in entries) == await house.tokens(caller) == 150


async def test_the_ledger_comes_in_pages_and_shows_nobody_elses(house: House) -> None:
    caller, other = await house.user(tokens=200), await house.user(tokens=500)
    await house.create(caller)
    await house.create(other)
    whole = (await read(house, caller, "/history"))["transactions"]

    pages = [await read(house, caller, f"/history?skip={skip}&limit=2") for skip in (0, 2, 4)]

    assert [{name: page[name] for name in ("total", "skip", "limit")} for page in pages] == [
        {"total": 3, "skip": skip, "limit": 2} for skip in (0, 2, 4)
    ]
    assert [page["transactions"] for page in pages] == [whole[:2], whole[2:], []]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("skip=-1", "skip"),
        ("limit=0", "limit"),
        ("limit=all", "limit"),
        ("skip=1e3", "skip"),
        ("limit=1_0", "limit"),
        ("skip=%091", "skip"),
    ],
)
async def test_a_page_that_cannot_be_is_a_422(house: House, query: str, field: str) -> None:
    status, detail = await refused(house, await house.user(), "GET", f"{PATH}/history?{query}")

    assert (status, [problem["loc"] for problem in detail]) == (422, [["query", field]])


async def test_the_largest_page_has_100_entries(house: House) -> None:
    for limit in (100, 200):
        assert (await read(house, await house.user(), f"/history?limit={limit}"))["limit"] == 100


@pytest.mark.parametrize("slash", ["", "/"])
async def test_the_migration_is_for_admins(house: House, slash: str) -> None:
    caller = await house.user()

    assert await refused(house, caller, "POST", f"{MIGRATION}{slash}") == (403, "Admin privileges are required")


@pytest.mark.parametrize("slash", ["", "/"])
async def test_the_migration_is_not_done_twice(house: House, slash: str) -> None:
    admin = await house.user(role=Role.ADMIN)

    answers = [await call(house, admin, "POST", f"{MIGRATION}{slash}") for _ in range(2)]

    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (200, {"status": "already_migrated", "message": "The look_videos table is there already"})
    ] * 2
