"""Accounts are made on first sight, once, with their welcome tokens in the ledger."""

import asyncio
from dataclasses import replace

import pytest

from db.tables import LedgerEntry, User
from resolvers import accounts
from resolvers.errors import InvalidInput
from tests.house import House


async def test_fifty_first_requests_at_once_make_one_account(house: House) -> None:
    caller = house.unknown_caller()

    bodies = await asyncio.gather(*(house.graphql(caller, "{ viewer { tokens { balance } } }") for _ in range(50)))

    assert [body["data"]["viewer"]["tokens"]["balance"] for body in bodies] == [100] * 50
    assert await house.count(User.id == caller.user_id, table=User) == 1
    assert await house.count(LedgerEntry.user_id == caller.user_id, table=LedgerEntry) == 1


async def test_an_account_follows_its_address(house: House) -> None:
    caller = await house.user()
    moved = replace(caller, email="moved@example.com")

    for seen in (caller, moved):
        await house.graphql(seen, "{ videoModels { id } }")
    assert await house.count(User.id == caller.user_id, User.email == moved.email, table=User) == 1
    body = await house.graphql(moved, "{ viewer { id email tokens { balance } } }")

    assert body["data"]["viewer"] == {
        "id": str(caller.user_id),
        "email": "moved@example.com",
        "tokens": {"balance": 100},
    }


@pytest.mark.parametrize(
    "email",
    ["", " ", "nobody", "@b.example", "a@", "a@b@c.example", "a b@c.example", "a\0@b.example", "a@b." + "e" * 254],
)
async def test_what_is_no_address_finds_nobody(house: House, email: str) -> None:
    async with house.database.transaction() as session:
        with pytest.raises(InvalidInput, match="is not an e-mail address"):
            await accounts.account_for_email(session, email)


async def test_an_address_finds_its_account_however_it_is_written_and_a_new_one_always_the_same(house: House) -> None:
    known, fresh = await house.user(), f"{house.unknown_caller().user_id}@Example.com"
    async with house.database.transaction() as session:
        found = await accounts.account_for_email(session, f" {known.email} ".upper())
        made = [await accounts.account_for_email(session, written) for written in (fresh, f"{fresh} ", fresh.lower())]

    assert (found.user_id, found.email) == (known.user_id, known.email)
    assert len({caller.user_id for caller in made}) == 1
    assert made[0].email == fresh.lower()
