"""Accounts are made on first sight, once, with their welcome tokens in the ledger."""

import asyncio
from dataclasses import replace

from db.models import LedgerEntry, User
from tests.house import House


async def test_fifty_first_requests_at_once_make_one_account(house: House) -> None:
    caller = house.stranger()

    bodies = await asyncio.gather(*(house.graphql(caller, "{ viewer { tokens { balance } } }") for _ in range(50)))

    assert [body["data"]["viewer"]["tokens"]["balance"] for body in bodies] == [100] * 50
    assert await house.count(User.id == caller.user_id, table=User) == 1
    assert await house.count(LedgerEntry.user_id == caller.user_id, table=LedgerEntry) == 1


async def test_an_account_follows_its_address(house: House) -> None:
    caller = await house.user()
    moved = replace(caller, email="moved@example.com")

    body = await house.graphql(moved, "{ viewer { id email tokens { balance } } }")

    assert body["data"]["viewer"] == {
        "id": str(caller.user_id),
        "email": "moved@example.com",
        "tokens": {"balance": 100},
    }
