"""The admins' calls about accounts, as the REST contract describes them row by row."""

from typing import Any
from uuid import UUID

import pytest

from auth.caller import Caller, Role
from tests.house import House
from tests.rest_compat.test_contract import call, refused

CONSUME = "/api/v1/subscription/consume"
INFO_TYPES = {
    "tier": str,
    "totalTokens": int,
    "availableTokens": int,
    "consumedTokens": int,
    "lifetimeConsumed": int,
    "usedTokens": int,
    "isUnlimited": bool,
    "periodStart": str,
    "periodEnd": str,
}
ENTRY_TYPES = {
    "id": str,
    "type": str,
    "kind": str,
    "amount": int,
    "balanceBefore": int,
    "balanceAfter": int,
    "description": (str, type(None)),
    "reference": (str, type(None)),
    "operation": (str, type(None)),
    "adminEmail": (str, type(None)),
    "videoJobId": (str, type(None)),
    "createdAt": str,
}
ACCOUNT_TYPES = INFO_TYPES | {"userId": str, "userEmail": str, "lastTransaction": dict}


def account(caller: Caller, rest: str = "") -> str:
    return f"/api/v1/admin/users/{caller.user_id}/subscription{rest}"


def check_types(body: dict[str, Any], types: dict[str, Any]) -> None:
    assert set(body) == set(types)
    assert [name for name, type_ in types.items() if not isinstance(body[name], type_)] == []


async def answered(house: House, caller: Caller | None, method: str, path: str, **sent: Any) -> Any:
    answer = await call(house, caller, method, path, **sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def entries(house: House, caller: Caller) -> list[dict[str, Any]]:
    history = await answered(house, caller, "GET", "/api/v1/subscription/history?skip=0&limit=20")
    for entry in history["transactions"]:
        check_types(entry, ENTRY_TYPES)
    found: list[dict[str, Any]] = history["transactions"]
    return found


async def balances(house: House, caller: Caller) -> tuple[int, int, int]:
    info = await answered(house, caller, "GET", "/api/v1/subscription/info")
    check_types(info, INFO_TYPES)
    return info["availableTokens"], info["totalTokens"], info["consumedTokens"]


async def test_an_admin_reads_an_account(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    job_id = await house.create(caller)

    body = await answered(house, admin, "GET", account(caller))

    check_types(body, ACCOUNT_TYPES)
    assert (body["userId"], body["userEmail"], body["availableTokens"]) == (str(caller.user_id), caller.email, 50)
    assert (body["lastTransaction"]["videoJobId"], body["lastTransaction"]["amount"]) == (job_id, -50)


async def test_a_tier_sets_balance_total_and_period(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    await house.create(caller)
    old = await answered(house, caller, "GET", "/api/v1/subscription/info")

    changed = await answered(house, admin, "PUT", account(caller, "/tier"), json={"tier": "pro"})

    new = await answered(house, caller, "GET", "/api/v1/subscription/info")
    assert (changed["status"], changed["subscription"]) == ("success", new)
    assert (new["tier"], new["totalTokens"], new["availableTokens"], new["consumedTokens"]) == ("pro", 1000, 1000, 0)
    assert new["lifetimeConsumed"] == 50
    assert new["periodStart"] > old["periodStart"]
    entry = (await entries(house, caller))[0]
    names = ("type", "amount", "balanceBefore", "balanceAfter", "adminEmail")
    assert [entry[name] for name in names] == ["tier_change", 950, 50, 1000, admin.email]


async def test_top_ups_and_deductions(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    await answered(house, caller, "POST", CONSUME, json={"operation": "text_to_image"})

    up = await answered(house, admin, "POST", account(caller, "/topup"), json={"amount": 25, "description": "Gift"})
    down = await answered(house, admin, "POST", account(caller, "/topup"), json={"amount": -115})

    assert (up["status"], up["message"], down["message"]) == ("success", "25 tokens added.", "115 tokens taken away.")
    shown = [(body["subscription"]["availableTokens"], body["subscription"]["totalTokens"]) for body in (up, down)]
    assert shown == [(115, 125), (0, 10)]
    names = ("type", "amount", "balanceAfter", "description", "adminEmail")
    assert [[entry[name] for name in names] for entry in (await entries(house, caller))[:2]] == [
        ["admin_deduction", -115, 0, None, admin.email],
        ["topup", 25, 115, "Gift", admin.email],
    ]


async def test_a_reset_gives_the_share_and_forgets_the_use(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user(tokens=250)
    await house.create(caller)

    reset = await answered(house, admin, "POST", account(caller, "/reset-period"))

    assert await balances(house, caller) == (100, 100, 0)
    assert (reset["subscription"]["lifetimeConsumed"], reset["subscription"]["usedTokens"]) == (50, 50)
    entry = (await entries(house, caller))[0]
    assert [entry[name] for name in ("type", "amount", "balanceBefore", "balanceAfter")] == ["reset", -100, 200, 100]


async def test_a_refused_consumption_tells_the_use_of_this_period(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    await house.create(caller)
    await answered(house, admin, "POST", account(caller, "/reset-period"))

    paid = [await answered(house, caller, "POST", CONSUME, json={"operation": "multi_modal"}) for _ in range(6)]

    assert [(body["success"], body["consumedTokens"]) for body in paid[4:]] == [(True, 100), (False, 100)]


async def test_a_refund_of_the_last_period_counts_as_given_in_this_one(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    job_id = await house.create(caller)
    await answered(house, admin, "POST", account(caller, "/reset-period"))
    await answered(house, caller, "POST", CONSUME, json={"operation": "text_to_image"})

    await answered(house, caller, "POST", f"/api/v1/video-jobs/{job_id}/cancel")

    assert await balances(house, caller) == (140, 150, 10)
    assert (await answered(house, caller, "GET", "/api/v1/subscription/info"))["lifetimeConsumed"] == 10


async def test_an_unlimited_account_pays_nothing_and_its_use_is_counted(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user(tokens=0)
    changed = await answered(house, admin, "PUT", account(caller, "/tier"), json={"tier": "ultimate"})

    job_id = await house.create(caller)
    paid = await answered(house, caller, "POST", CONSUME, json={"operation": "text_to_image"})

    assert (changed["subscription"]["isUnlimited"], changed["subscription"]["availableTokens"]) == (True, -1)
    assert (paid["success"], paid["cost"], paid["availableTokens"], paid["consumedTokens"]) == (True, 10, -1, 60)
    assert await balances(house, caller) == (-1, -1, 60)
    names = ("type", "amount", "balanceBefore", "balanceAfter")
    used = [[entry[name] for name in names] for entry in (await entries(house, caller))[:2]]
    assert used == [["consumption", -10, -1, -1], ["consumption", -50, -1, -1]]
    await answered(house, caller, "POST", f"/api/v1/video-jobs/{job_id}/cancel")
    assert await balances(house, caller) == (-1, -1, 10)
    assert [(await entries(house, caller))[0][name] for name in names] == ["refund", 50, -1, -1]
    assert await house.tokens(caller) == 0


async def test_a_repeated_top_up_is_one_and_speaks_of_its_own_members(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    path, headers = account(caller, "/topup"), house.headers(admin) | {"Idempotency-Key": "evt_1"}

    answers = [await house.http.post(path, json={"amount": " 25 "}, headers=headers) for _ in range(2)]
    wrong = [
        (await house.http.post(path, json=body, headers=house.headers(admin))).json()
        for body in ({"amount": 0}, {"amount": 5, "description": "x" * 501})
    ]

    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, "true"]
    assert [answer.json()["subscription"]["availableTokens"] for answer in answers] == [125, 125]
    assert [body["field"] for body in wrong] == ["amount", "description"]
    assert wrong[1]["detail"] == "description must be at most 500 characters"


async def test_an_unlimited_account_cannot_be_topped_up(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    await answered(house, admin, "PUT", account(caller, "/tier"), json={"tier": "ultimate"})

    for amount in (5, -5):
        status, detail = await refused(house, admin, "POST", account(caller, "/topup"), json={"amount": amount})
        assert (status, detail) == (400, "An unlimited account has no balance to adjust")


@pytest.mark.parametrize(
    ("method", "rest", "body", "status"),
    [
        ("PUT", "/tier", {"tier": "gold"}, 400),
        ("PUT", "/tier", {"tier": ""}, 400),
        ("PUT", "/tier", {}, 422),
        ("POST", "/topup", {"amount": 0}, 400),
        ("POST", "/topup", {"amount": -101}, 400),
        ("POST", "/topup", {"amount": 2_000_000_001}, 400),
        ("POST", "/topup", {"amount": 1_999_999_999}, 400),
        ("POST", "/topup", {"amount": -(10**30)}, 400),
        ("POST", "/topup", {"amount": 1.5}, 422),
        ("POST", "/topup", {"amount": 5, "description": "x" * 501}, 400),
        ("POST", "/topup", {}, 422),
        ("POST", "/topup", {"amount": True}, 422),
        ("POST", "/topup", {"amount": "1_000"}, 422),
        ("POST", "/topup", {"amount": "\u00a01"}, 422),
        ("POST", "/topup?amount=5", {"amount": 5}, 400),
        ("PUT", "/tier?tier=pro", {"tier": "pro"}, 400),
        ("POST", "/reset-period?tier=pro", None, 400),
        ("POST", "/reset-period", {"tier": "pro"}, 400),
    ],
)
async def test_a_change_that_cannot_be_changes_nothing(
    house: House, method: str, rest: str, body: dict[str, Any] | None, status: int
) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    before = await house.traces(caller)

    answered_, _ = await refused(house, admin, method, account(caller, rest), json=body)

    assert (answered_, await house.traces(caller)) == (status, before)


@pytest.mark.parametrize("key", ["a key", ""])
@pytest.mark.parametrize(
    ("method", "rest", "body"), [("PUT", "/tier", {"tier": "free"}), ("POST", "/reset-period", None)]
)
async def test_a_new_period_takes_no_idempotency_key(
    house: House, method: str, rest: str, body: dict[str, Any] | None, key: str
) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user(tokens=20)
    before = await house.traces(caller)

    headers = house.headers(admin) | {"Idempotency-Key": key}
    answer = await house.http.request(method, account(caller, rest), json=body, headers=headers)

    assert (answer.status_code, answer.json()["field"]) == (400, "Idempotency-Key")
    assert answer.json()["detail"] == "This call takes no idempotency key: repeated, it is carried out again"
    assert (await house.traces(caller), await house.tokens(caller)) == (before, 20)


@pytest.mark.parametrize(
    "user_id", ["00000000-0000-7000-8000-000000000000", "nobody", "%00", "x" * 500, f"{{{UUID(int=7)}}}"]
)
@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        ("GET", "", None),
        ("PUT", "/tier", {"tier": "pro"}),
        ("POST", "/topup", {"amount": 5}),
        ("POST", "/reset-period", None),
    ],
)
async def test_a_user_who_is_not_there_is_a_404(
    house: House, method: str, rest: str, body: dict[str, Any] | None, user_id: str
) -> None:
    admin = await house.user(role=Role.ADMIN)

    path = f"/api/v1/admin/users/{user_id}/subscription{rest}"
    assert await refused(house, admin, method, path, json=body) == (404, "User not found")
