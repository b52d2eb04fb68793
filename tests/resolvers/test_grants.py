"""Credits of a payment are given once: by their key, by their reference, by whichever call."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from auth.caller import Role
from resolvers import accounts
from resolvers.policy import BUILT_IN
from resolvers.tokens import Order, Whose, grant_to
from tests.house import House
from tests.resolvers.test_lock_order import until_waiting
from tests.resolvers.wallet_changes import ADJUST, GRANT, RESET
from tests.schema.mutate import codes, mutate


@pytest.mark.parametrize("by", ["userId", "email"])
@pytest.mark.parametrize("twice", [{"idempotencyKey": "evt_1"}, {"reference": "pi_1"}])
async def test_a_grant_happens_once(house: House, by: str, twice: dict[str, str]) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    whose = {by: str(caller.user_id) if by == "userId" else str(caller.email).upper()}

    grants = [
        await mutate(house, admin, GRANT, **whose, **twice, tokens=500, reason="Order 7"),
        *await asyncio.gather(
            *(mutate(house, admin, GRANT, **whose, **twice, tokens=500, reason="Order 7") for _ in range(9))
        ),
    ]

    assert [grant["errors"] for grant in grants] == [[]] * 10
    assert Counter(grant["replayed"] for grant in grants) == {False: 1, True: 9}
    assert {grant["balance"] for grant in grants} == {600} == {await house.tokens(caller)}
    assert len({grant["transaction"]["id"] for grant in grants}) == 1
    entry = {name: value for name, value in grants[0]["transaction"].items() if name != "id"}
    assert entry == {
        "kind": "GRANT",
        "amount": 500,
        "balanceBefore": 100,
        "balanceAfter": 600,
        "description": "Order 7",
        "reference": twice.get("reference"),
        "actor": "ADMIN",
        "actorEmail": admin.email,
    }


@pytest.mark.parametrize("twice", [{"idempotencyKey": "evt_1"}, {"reference": "pi_1"}])
async def test_first_grants_at_once_happen_once_also_for_two_accounts(house: House, twice: dict[str, str]) -> None:
    admin = await house.user(role=Role.ADMIN)
    callers = [await house.user(), await house.user()]

    grants = await asyncio.gather(
        *(mutate(house, admin, GRANT, userId=str(callers[turn % 2].user_id), **twice, tokens=500) for turn in range(10))
    )

    balances = sorted([await house.tokens(caller) for caller in callers])
    assert balances == [100, 600]
    refused = [grant for grant in grants if grant["errors"]]
    assert len(refused) == 5
    assert {code for grant in refused for code in codes(grant)} == {
        "REFERENCE_REUSED" if "reference" in twice else "IDEMPOTENCY_KEY_REUSED"
    }
    assert sum(not grant["replayed"] for grant in grants if not grant["errors"]) == 1


async def test_a_later_repetition_answers_the_first_result_beside_the_account_as_it_is(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    grant = {"userId": str(caller.user_id), "tokens": 500, "reference": "pi_1"}
    first = await mutate(house, admin, GRANT, **grant)
    await mutate(house, admin, RESET, userId=str(caller.user_id))

    again = await mutate(house, await house.user(role=Role.ADMIN), GRANT, **grant, idempotencyKey="other")

    assert (again["replayed"], again["balance"], again["transaction"]) == (True, 600, first["transaction"])
    assert (again["tokens"]["balance"], await house.tokens(caller)) == (100, 100)


@pytest.mark.parametrize(
    ("name", "call", "other", "code"),
    [
        ({"reference": "pi_1"}, GRANT, {"tokens": 501}, "REFERENCE_REUSED"),
        ({"idempotencyKey": "evt_1"}, GRANT, {"reason": "other"}, "IDEMPOTENCY_KEY_REUSED"),
        ({"idempotencyKey": "evt_1"}, GRANT, {"tokens": 501}, "IDEMPOTENCY_KEY_REUSED"),
        ({"idempotencyKey": "evt_1"}, GRANT, {"reference": "pi_2"}, "IDEMPOTENCY_KEY_REUSED"),
        ({"idempotencyKey": "evt_1"}, ADJUST, {}, "IDEMPOTENCY_KEY_REUSED"),
    ],
)
async def test_another_order_with_the_same_name_is_refused(
    house: House, name: dict[str, str], call: str, other: dict[str, Any], code: str
) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    order = {"userId": str(caller.user_id), "tokens": 500} | name
    await mutate(house, admin, GRANT, **order)
    before = await house.traces(caller)

    refused = await mutate(house, admin, call, **order | other)

    assert (codes(refused), refused["balance"], refused["tokens"]) == ([code], None, None)
    assert await house.traces(caller) == before


async def test_what_a_payment_gave_can_be_taken_back_under_its_name(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    order = {"userId": str(caller.user_id), "reference": "pi_1"}
    await mutate(house, admin, GRANT, **order, tokens=500)

    backs = [await mutate(house, admin, ADJUST, **order, tokens=-500, reason="Charged back") for _ in range(2)]

    assert [(back["balance"], back["replayed"]) for back in backs] == [(100, False), (100, True)]
    assert backs[0]["transaction"]["kind"] == "ADJUSTMENT"


async def test_what_was_taken_back_before_it_was_given_is_still_given(house: House) -> None:
    """A payment provider's messages come in any order."""
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    order = {"userId": str(caller.user_id), "reference": "pi_1"}

    back = await mutate(house, admin, ADJUST, **order, tokens=-50)
    given = await mutate(house, admin, GRANT, **order, tokens=50)

    assert [(back["errors"], back["balance"]), (given["errors"], given["balance"])] == [([], 50), ([], 100)]


@pytest.mark.parametrize("calls", [(GRANT, ADJUST), (ADJUST, GRANT)])
async def test_a_payment_gives_once_whichever_call_is_made_of_it(house: House, calls: tuple[str, str]) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    order = {"userId": str(caller.user_id), "reference": "pi_1", "tokens": 500}

    given, refused = [await mutate(house, admin, call, **order) for call in calls]

    assert (given["balance"], codes(refused), await house.tokens(caller)) == (600, ["REFERENCE_REUSED"], 600)


async def test_a_payment_gives_once_also_where_two_calls_for_two_accounts_are_made_of_it_at_once(house: House) -> None:
    admin, paid, other = await house.user(role=Role.ADMIN), await house.user(), await house.user()
    before = await house.tokens(other)

    async with house.database.transaction() as writer:
        await grant_to(writer, admin, Whose(str(paid.user_id)), Order(500, reference="pi_1"), BUILT_IN)
        adjusting = asyncio.create_task(
            mutate(house, admin, ADJUST, userId=str(other.user_id), reference="pi_1", tokens=500)
        )
        await until_waiting(house, 1)

    assert codes(await adjusting) == ["REFERENCE_REUSED"]
    assert (await house.tokens(paid), await house.tokens(other)) == (600, before)


async def test_what_a_payment_gave_is_taken_back_from_nobody_else(house: House) -> None:
    admin, paid, other = await house.user(role=Role.ADMIN), await house.user(), await house.user()
    await mutate(house, admin, GRANT, userId=str(paid.user_id), reference="pi_1", tokens=5)
    before = await house.traces(other)

    refused = await mutate(house, admin, ADJUST, userId=str(other.user_id), reference="pi_1", tokens=-20)
    after = await house.traces(other)
    back = await mutate(house, admin, ADJUST, userId=str(paid.user_id), reference="pi_1", tokens=-5)

    assert (codes(refused), after) == (["REFERENCE_REUSED"], before)
    assert (back["errors"], back["balance"]) == ([], 100)


@pytest.mark.parametrize("reference", ["", " ", "\u00a0"])
async def test_a_blank_reference_is_refused(house: House, reference: str) -> None:
    """A shop that forgot to fill it in would give again each time its payment provider repeats itself."""
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    before = await house.traces(caller)

    refused = await mutate(house, admin, GRANT, userId=str(caller.user_id), tokens=7, reference=reference)

    assert (codes(refused), refused["errors"][0]["field"]) == (["INVALID_INPUT"], "reference")
    assert await house.traces(caller) == before


@pytest.mark.parametrize("now", ["new@example.com", None])
async def test_an_address_that_an_account_has_no_more_is_nobodys(house: House, now: str | None) -> None:
    admin, old = await house.user(role=Role.ADMIN), f"{house.unknown_caller().user_id}@example.com"
    async with house.database.transaction() as transaction:
        caller = await accounts.account_for_email(transaction, old)
        await accounts.get_or_create_account(transaction, caller)
    async with house.database.raw_connection() as connection:
        await connection.execute("UPDATE users SET email = $2 WHERE id = $1", caller.user_id, now)
    before = await house.traces(caller)

    refused = await mutate(house, admin, GRANT, email=old, tokens=5)

    assert (codes(refused), refused["errors"][0]["field"]) == (["INVALID_INPUT"], "email")
    assert await house.traces(caller) == before


async def test_a_key_is_used_also_where_the_reference_has_answered(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    order = {"userId": str(caller.user_id), "reference": "pi_1"}
    await mutate(house, admin, GRANT, **order, tokens=500)
    again = await mutate(house, admin, GRANT, **order, tokens=500, idempotencyKey="one")

    other = await mutate(house, admin, GRANT, userId=str(caller.user_id), tokens=7, idempotencyKey="one")

    assert (again["replayed"], codes(other)) == (True, ["IDEMPOTENCY_KEY_REUSED"])
    assert await house.tokens(caller) == 600
