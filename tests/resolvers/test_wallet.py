"""Spending and giving: nothing twice, nothing below zero, whoever asks how often at once and over which wire."""

import asyncio
from collections import Counter
from contextlib import closing
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection
from typing import NamedTuple

import pytest
from sqlalchemy import update

from auth.caller import Caller, Role
from db.enums import LedgerEntryKind
from db.tables import IdempotencyKey, LedgerEntry
from resolvers import tokens
from resolvers.errors import InvalidInput
from resolvers.policy import BUILT_IN, Policy
from resolvers.tokens import Consumption, Whose
from rest_compat.token_bodies import UNLIMITED
from tests.house import FORM, House
from tests.resolvers.wallet_changes import GRANT, SET_TIER
from tests.schema.mutate import ERRORS, codes, mutate
from tests.wires import RestWire

CONSUMED = f"""consumeTokens(input: $input) {{ replayed transaction {{ id amount balanceAfter operation description }}
  tokens {{ id balance consumed }} {ERRORS} }}"""


class Paid(NamedTuple):
    """What came of a consumption: whether it was paid, the balance after it, and whether it was a repetition."""

    success: bool
    available: int
    replayed: bool = False


async def consume(house: House, caller: Caller, wire: str, operation: str, key: str | None = None) -> Paid:
    if wire == "graphql":
        payload = await mutate(house, caller, CONSUMED, operation=operation, idempotencyKey=key)
        if payload["errors"]:
            assert (codes(payload), payload["transaction"]) == (["INSUFFICIENT_TOKENS"], None)
            return Paid(success=False, available=await house.tokens(caller))
        return Paid(success=True, available=payload["transaction"]["balanceAfter"], replayed=payload["replayed"])
    headers = house.headers(caller) | ({} if key is None else {"Idempotency-Key": key})
    answer = await house.http.post("/api/v1/subscription/consume", json={"operation": operation}, headers=headers)
    body = answer.json()
    assert answer.status_code == 200, answer.text
    return Paid(body["success"], body["availableTokens"], answer.headers.get("Idempotent-Replayed") == "true")


wires = pytest.mark.parametrize("wire", ["rest", "graphql"])


@wires
async def test_of_a_hundred_at_once_as_many_are_paid_as_the_balance_covers(house: House, wire: str) -> None:
    caller = await house.user(tokens=100)

    paid = await asyncio.gather(*(consume(house, caller, wire, "multi_modal_light") for _ in range(100)))

    assert Counter(one.success for one in paid) == {True: 12, False: 88}
    assert await house.tokens(caller) == 4
    charges = (LedgerEntry.user_id == caller.user_id, LedgerEntry.kind == LedgerEntryKind.CHARGE)
    assert await house.count(*charges, table=LedgerEntry) == 12


@wires
async def test_the_last_tokens_can_be_spent(house: House, wire: str) -> None:
    caller = await house.user(tokens=10)

    paid = [await consume(house, caller, wire, "text_to_image") for _ in range(2)]

    assert paid == [Paid(success=True, available=0), Paid(success=False, available=0)]


@wires
async def test_a_key_pays_once_however_often_and_over_whichever_wire(house: House, wire: str) -> None:
    caller = await house.user(tokens=100)
    both = [wire, "rest", "graphql"] * 4

    first = await consume(house, caller, wire, "text_to_image", key="one")
    await consume(house, caller, wire, "text_to_text")
    again = await asyncio.gather(*(consume(house, caller, way, "text_to_image", key="one") for way in both))

    assert first == Paid(success=True, available=90)
    assert again == [Paid(success=True, available=90, replayed=True)] * 12
    headers = house.headers(caller) | {"Idempotency-Key": "one"}
    same = await house.http.post("/api/v1/subscription/consume", json={"operation": "text_to_image"}, headers=headers)
    assert same.json()["consumedTokens"] == 10
    assert await house.tokens(caller) == 87


async def test_white_space_around_a_key_is_no_part_of_it(house: House) -> None:
    caller = await house.user(tokens=200)

    def sent(key: str) -> str | None:
        connection = HTTPConnection(house.http.base_url.host, house.http.base_url.port or 80)
        headers = house.headers(caller) | {"Content-Type": "application/json", "Idempotency-Key": key}
        connection.request("POST", "/api/v1/subscription/consume", '{"operation": "text_to_text"}', headers)
        with closing(connection), connection.getresponse() as answer:
            assert answer.status == 200
            return answer.getheader("Idempotent-Replayed")

    assert [await asyncio.to_thread(sent, key) for key in ("one", "one ", "one\t ")] == [None, "true", "true"]
    over_graphql = await consume(house, caller, "graphql", "text_to_text", key=" one ")
    assert over_graphql == Paid(success=True, available=197, replayed=True)
    query = "mutation ($input: CreateVideoJobInput!) { createVideoJob(input: $input) { replayed } }"
    asked = FORM | {"mockMode": True}
    made = [await house.graphql(caller, query, input=asked | {"idempotencyKey": key}) for key in ("two", " two ")]
    assert [body["data"]["createVideoJob"]["replayed"] for body in made] == [False, True]
    assert await house.tokens(caller) == 147


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
async def test_a_key_of_any_letters_is_the_same_on_both_wires(house: House, encoding: str) -> None:
    caller, key = await house.user(tokens=100), "commande-été"
    own = {name.encode(): value.encode() for name, value in house.headers(caller).items()}
    headers = own | {b"Idempotency-Key": key.encode(encoding)}

    sent = [
        await house.http.post("/api/v1/subscription/consume", json={"operation": "text_to_text"}, headers=headers)
        for _ in range(2)
    ]
    over_graphql = await consume(house, caller, "graphql", "text_to_text", key=key)

    assert [answer.headers.get("Idempotent-Replayed") for answer in sent] == [None, "true"]
    assert over_graphql == Paid(success=True, available=97, replayed=True)
    assert await house.tokens(caller) == 97


async def test_an_operation_that_the_policy_has_no_more_is_answered_again_and_not_done_again(house: House) -> None:
    caller = await house.user(tokens=100)
    others = {name: cost for name, cost in BUILT_IN.operations.items() if name != "text_to_image"}
    later = BUILT_IN.model_copy(update={"operations": others})

    async def paid(policy: Policy, key: str) -> Consumption:
        async with house.database.transaction() as writer:
            return await tokens.consume(writer, caller, policy, "text_to_image", idempotency_key=key)

    first, again = await paid(BUILT_IN, "one"), await paid(later, "one")
    before = await house.traces(caller)

    assert (first.replayed, again.replayed, again.cost, again.entry) == (False, True, 10, first.entry)
    with pytest.raises(InvalidInput, match=r"^Operation must be one of"):
        await paid(later, "other")
    assert await house.traces(caller) == before


async def test_what_costs_an_unlimited_account_nothing_is_answered_again_as_unlimited(house: House) -> None:
    caller, policy = await house.user(), BUILT_IN.model_copy(update={"operations": {"free_thing": 0}})
    async with house.database.transaction() as writer:
        await tokens.set_tier(writer, await house.user(role=Role.ADMIN), Whose(str(caller.user_id)), "ultimate", policy)
        asked = partial(tokens.consume, writer, caller, policy, "free_thing", idempotency_key="one")
        paid = [await asked() for _ in range(2)]

    assert [(one.cost, one.is_unlimited, one.replayed) for one in paid] == [(0, True, False), (0, True, True)]


@wires
async def test_first_requests_of_a_key_at_once_pay_once(house: House, wire: str) -> None:
    caller = await house.user(tokens=100)

    paid = await asyncio.gather(*(consume(house, caller, wire, "text_to_image", key="one") for _ in range(10)))

    assert Counter(one.replayed for one in paid) == {False: 1, True: 9}
    assert {one.available for one in paid} == {90} == {await house.tokens(caller)}


async def test_a_key_stands_for_one_request_of_any_kind(house: House) -> None:
    caller = await house.user(tokens=1000)
    await consume(house, caller, "rest", "text_to_image", key="taken")
    before = await house.traces(caller)

    other = await mutate(house, caller, CONSUMED, operation="text_to_text", idempotencyKey="taken")
    described = await mutate(
        house, caller, CONSUMED, operation="text_to_image", description="x", idempotencyKey="taken"
    )
    video = await house.http.post(
        "/api/v1/video-jobs",
        files=[("prompt", (None, "x")), ("model", (None, "veo-3.1-generate-preview")), ("resolution", (None, "720p")),
               ("aspectRatio", (None, "16:9")), ("mockMode", (None, "true"))],
        headers=house.headers(caller) | {"Idempotency-Key": "taken"},
    )  # fmt: skip

    assert [codes(other), codes(described)] == [["IDEMPOTENCY_KEY_REUSED"]] * 2
    assert (video.status_code, video.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert await house.traces(caller) == before


async def test_a_key_that_was_refused_can_be_used_again(house: House) -> None:
    caller = await house.user(tokens=5)

    refused = await consume(house, caller, "rest", "text_to_image", key="one")
    await house.set_tokens(caller, 50)

    assert refused == Paid(success=False, available=5)
    assert await consume(house, caller, "rest", "text_to_image", key="one") == Paid(success=True, available=40)


async def test_a_key_stands_for_its_request_for_a_day_and_for_the_next_one_for_another(house: House) -> None:
    caller, paid = await house.user(tokens=200), []

    for hours in (0, 23, 2, 23):
        await later(house, hours)
        paid.append(await consume(house, caller, "rest", "text_to_image", key="one"))
    await later(house, 2)
    made = [await RestWire(house).create(caller, idempotencyKey="one") for _ in range(2)]

    assert [(one.replayed, one.available) for one in paid] == [(False, 190), (True, 190), (False, 180), (True, 180)]
    assert [(one.code, one.replayed) for one in made] == [(None, False), (None, True)]
    assert await house.tokens(caller) == 130


async def later(house: House, hours: int) -> None:
    """Let time pass for keys."""
    async with house.database.session() as session:
        await session.execute(
            update(IdempotencyKey).values(created_at=IdempotencyKey.created_at - timedelta(hours=hours))
        )


@pytest.mark.parametrize("key", ["", "  ", "x" * 256])
async def test_a_key_that_cannot_be_kept_is_refused(house: House, key: str) -> None:
    caller, admin = await house.user(), await house.user(role=Role.ADMIN)

    consumed = await mutate(house, caller, CONSUMED, operation="text_to_text", idempotencyKey=key)
    granted = await mutate(house, admin, GRANT, userId=str(caller.user_id), tokens=5, idempotencyKey=key)

    assert [codes(consumed), codes(granted), await house.tokens(caller)] == [["INVALID_INPUT"]] * 2 + [100]


async def test_what_an_unlimited_account_used_was_not_given_to_it(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    await consume(house, caller, "graphql", "text_to_image")
    await mutate(house, admin, SET_TIER, userId=str(caller.user_id), tier="ultimate")
    await consume(house, caller, "graphql", "multi_modal")

    tokens = (await mutate(house, admin, GRANT, userId=str(caller.user_id), tokens=7))["tokens"]

    assert (tokens["balance"], tokens["total"], tokens["consumed"]) == (7, 7, 20)
    assert tokens["lifetimeConsumed"] == 30


@pytest.mark.parametrize(("then", "now", "available"), [("free", "ultimate", 90), ("ultimate", "free", UNLIMITED)])
async def test_what_was_paid_is_answered_again_as_it_was_paid_in_whichever_tier(
    house: House, then: str, now: str, available: int
) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()
    headers = house.headers(caller) | {"Idempotency-Key": "one"}
    answers = []

    for tier in (then, now):
        await mutate(house, admin, SET_TIER, userId=str(caller.user_id), tier=tier)
        body = {"operation": "text_to_image"}
        answers.append(await house.http.post("/api/v1/subscription/consume", json=body, headers=headers))

    first, again = [answer.json() for answer in answers]
    assert (again, again["availableTokens"]) == (first, available)
    assert answers[1].headers["Idempotent-Replayed"] == "true"


@wires
async def test_a_key_stays_used_when_its_job_is_deleted(house: House, wire: str) -> None:
    caller = await house.user(tokens=200)
    headers = house.headers(caller) | {"Idempotency-Key": "one"}
    form = {"prompt": "x", "model": "veo-3.1-generate-preview", "resolution": "720p", "aspectRatio": "16:9"}
    sent = [(name, (None, value)) for name, value in (form | {"mockMode": "true"}).items()]
    created = (await house.http.post("/api/v1/video-jobs", files=sent, headers=headers)).json()
    await house.http.delete(f"/api/v1/video-jobs/{created['id']}", headers=headers)
    before = await house.traces(caller)

    if wire == "rest":
        answer = await house.http.post("/api/v1/video-jobs", files=sent, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "VIDEO_JOB_DELETED")
    else:
        query = f"mutation ($input: CreateVideoJobInput!) {{ createVideoJob(input: $input) {{ {ERRORS} }} }}"
        body = await house.graphql(caller, query, input=form | {"mockMode": True, "idempotencyKey": "one"})
        assert codes(body["data"]["createVideoJob"]) == ["VIDEO_JOB_DELETED"]
    assert await house.traces(caller) == before
