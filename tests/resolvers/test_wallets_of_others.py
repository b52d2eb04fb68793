"""Admins act on the accounts of others, named by id or by address."""

from typing import Any

import pytest
from sqlalchemy import text

from auth.caller import Role
from tests.house import House
from tests.resolvers.wallet_changes import ADJUST, GRANT, RESET, SET_TIER
from tests.schema.mutate import codes, mutate


@pytest.mark.parametrize(
    ("whose", "code"),
    [
        ({}, "INVALID_INPUT"),
        ({"userId": "nobody"}, "USER_NOT_FOUND"),
        ({"userId": "00000000-0000-7000-8000-000000000000"}, "USER_NOT_FOUND"),
        ({"email": "nobody@example.com"}, "USER_NOT_FOUND"),
        ({"email": "no address"}, "INVALID_INPUT"),
        ({"userId": "$caller", "email": "other@example.com"}, "INVALID_INPUT"),
    ],
)
@pytest.mark.parametrize("change", [GRANT, ADJUST, SET_TIER, RESET])
async def test_an_account_has_to_be_named(house: House, change: str, whose: dict[str, str], code: str) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    whose = {name: value.replace("$caller", str(caller.user_id)) for name, value in whose.items()}
    rest: dict[str, Any] = {} if change == RESET else {"tier": "pro"} if change == SET_TIER else {"tokens": 5}
    before = await house.traces(caller)

    refused = await mutate(house, admin, change, **whose, **rest)

    assert (codes(refused), refused["balance"]) == ([code], None)
    assert await house.traces(caller) == before


async def test_an_address_of_two_accounts_is_not_enough(house: House) -> None:
    admin, caller, other = await house.user(role=Role.ADMIN), await house.user(), await house.user()
    async with house.database.session() as session:
        await session.execute(
            text("UPDATE users SET email = :email WHERE id = :id"), {"email": caller.email, "id": other.user_id}
        )

    refused = await mutate(house, admin, GRANT, email=caller.email, tokens=5)
    meant = await mutate(house, admin, GRANT, email=caller.email, userId=str(other.user_id), tokens=5)

    assert (codes(refused), refused["errors"][0]["field"]) == (["INVALID_INPUT"], "email")
    assert (meant["balance"], await house.tokens(caller)) == (105, 100)


async def test_an_admin_sees_the_ledger_of_the_account_and_not_their_own(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    await mutate(house, admin, GRANT, email=caller.email, tokens=5)
    query = """query ($email: String) { tokenAccount(email: $email) { id userId balance
      transactions { nodes { kind amount } } } viewer { id tokens { id } } }"""

    body = await house.graphql(admin, query, email=caller.email)
    own = await house.graphql(caller, "{ viewer { tokens { id } } }")

    account = body["data"]["tokenAccount"]
    assert (account["userId"], account["balance"]) == (str(caller.user_id), 105)
    assert [node["amount"] for node in account["transactions"]["nodes"]] == [5, 100]
    assert account["id"] == own["data"]["viewer"]["tokens"]["id"]
    assert (
        len({account["id"], account["userId"], body["data"]["viewer"]["id"], body["data"]["viewer"]["tokens"]["id"]})
        == 4
    )
