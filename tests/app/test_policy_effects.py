"""What the owner's file changes: prices, slots, the welcome, refunds, ceilings, periods; of one job all agree."""

from dataclasses import replace
from uuid import UUID

import pytest

from auth.caller import Role
from resolvers.ports import GenerationFailed
from tests.house import FORM, House, multipart
from tests.policies import quote, under_policy, wires_of
from tests.wires import GraphQLWire, Wire
from tests.worker.scripted import ScriptedGenerator
from tests.worker.test_generate import context
from worker.service import generate

PRICES = """
[[video_prices]]
name = "drafts"
seconds = 4
sound = false
tokens = 10
[[video_prices]]
name = "films"
sound = true
tokens = 160
"""
SHOWN = (
    "{ policy { welcome operations { operation cost } tiers { tier slots share } videoPrices { rule cost } refunds } }"
)


async def test_a_file_changes_price_slots_welcome_and_what_clients_are_shown(house: House) -> None:
    before = await house.graphql(await house.user(), SHOWN)

    tiers = "[tiers.free]\nname='F'\nslots=2\n[tiers.vip]\nname='V'\nunlimited=true\nshare=7"
    async with under_policy(house, f"welcome = 500\nrefunds = ['CONTENT_FILTERED']\n{PRICES}\n{tiers}") as own:
        caller = own.unknown_caller()
        shown = (await own.graphql(caller, SHOWN))["data"]["policy"]
        quotes = [
            await quote(own, caller, durationSeconds=4),
            await quote(own, caller, generateAudio=True),
            await quote(own, caller),
        ]
        drafts = [await wire.create(caller, durationSeconds="4") for wire in wires_of(own)]
        refused = [await wire.create(caller, durationSeconds="4") for wire in wires_of(own)]

    assert before["data"]["policy"]["welcome"] == 100
    assert (shown["welcome"], shown["refunds"]) == (500, ["CONTENT_FILTERED"])
    assert shown["videoPrices"] == [{"rule": "drafts", "cost": 10}, {"rule": "films", "cost": 160}]
    assert shown["tiers"] == [{"tier": "free", "slots": 2, "share": 0}, {"tier": "vip", "slots": 3, "share": 0}]
    assert {"operation": "text_to_image", "cost": 10} in shown["operations"]
    assert [(one["cost"], one["rule"], one["balance"], one["freeSlots"]) for one in quotes] == [
        (10, "drafts", 500, 2),
        (160, "films", 500, 2),
        (50, "operations.video_generation", 500, 2),
    ]
    assert [answer.job and answer.job["tokensConsumed"] for answer in drafts] == [10, 10]
    assert [(answer.code, answer.message) for answer in refused] == [
        ("ACTIVE_JOB_LIMIT", "Maximum 2 concurrent video jobs allowed. Please wait for existing jobs to complete.")
    ] * 2
    assert await house.tokens(caller) == 480


async def test_the_headers_tell_the_slots_of_the_tier(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user(tokens=0)
    tiers = "[tiers.free]\nname='F'\nslots=1\n[tiers.big]\nname='B'\nshare=500\nslots=2"
    async with under_policy(house, tiers) as own:
        path = f"/api/v1/admin/users/{caller.user_id}/subscription/tier"
        changed = await own.http.put(path, json={"tier": "big"}, headers=own.headers(admin))
        answers = [
            await own.http.post("/api/v1/video-jobs", files=multipart(FORM), headers=own.headers(caller))
            for _ in range(3)
        ]

    assert changed.json()["subscription"]["availableTokens"] == 500
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert [answer.headers["RateLimit-Policy"] for answer in answers] == ['"active-jobs";q=2'] * 3
    assert [answer.headers["RateLimit"] for answer in answers] == [f'"active-jobs";r={free}' for free in (1, 0, 0)]


async def test_costs_and_messages_are_the_files(house: House) -> None:
    caller = await house.user(tokens=20)
    async with under_policy(house, "[operations]\nvideo_generation = 80\npaint = 7") as own:
        costs = (await own.http.get("/api/v1/subscription/costs")).json()
        models = await own.graphql(caller, "{ videoModels { cost } }")
        refused = [await wire.create(caller) for wire in wires_of(own)]
        paid = await own.http.post(
            "/api/v1/subscription/consume", json={"operation": "paint"}, headers=own.headers(caller)
        )

    assert costs == {"costs": {"video_generation": 80, "paint": 7}}
    assert {model["cost"] for model in models["data"]["videoModels"]} == {80}
    message = "Insufficient tokens. Operation 'video_generation' costs 80 tokens but you have 20."
    assert [(answer.code, answer.message) for answer in refused] == [("INSUFFICIENT_TOKENS", message)] * 2
    assert paid.json()["availableTokens"] == 13


async def test_a_refund_is_what_was_charged_whatever_videos_cost_by_now(house: House) -> None:
    caller = await house.user(tokens=1000)
    old_jobs = [await house.create(caller), await house.create(caller)]

    async with under_policy(house, "[operations]\nvideo_generation = 80") as own:
        new_job = await own.create(caller)
        before = await own.tokens(caller)
        for job_id in (old_jobs[0], new_job):
            await own.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=own.headers(caller))
        refunded = await own.tokens(caller) - before
        await house.http.post(f"/api/v1/video-jobs/{old_jobs[1]}/cancel", headers=own.headers(caller))

    assert (before, refunded, await house.tokens(caller)) == (820, 130, 1000)


async def test_who_says_what_a_quote_said_is_not_charged_more(house: House) -> None:
    caller = await house.user(tokens=1000)
    quoted = (await quote(house, caller))["cost"]

    async with under_policy(house, "[operations]\nvideo_generation = 80") as own:
        refused = [
            await wire.create(caller, expectedCost=quoted if isinstance(wire, GraphQLWire) else str(quoted))
            for wire in wires_of(own)
        ]
        untouched = await own.tokens(caller)
        accepted = [await wire.create(caller, expectedCost=80) for wire in wires_of(own)]

    message = "This video costs 80 tokens now, not 50. Nothing was charged."
    assert [(answer.code, answer.message) for answer in refused] == [("PRICE_CHANGED", message)] * 2
    assert (untouched, [answer.job and answer.job["tokensConsumed"] for answer in accepted]) == (1000, [80, 80])


@pytest.mark.parametrize("expected", [60, 0])
async def test_any_other_price_is_another_price(house: House, wire: Wire, expected: int) -> None:
    caller = await house.user()
    before = await house.traces(caller)

    refused = await wire.create(caller, expectedCost=expected)

    message = f"This video costs 50 tokens now, not {expected}. Nothing was charged."
    assert (refused.code, refused.message) == ("PRICE_CHANGED", message)
    assert await house.traces(caller) == before


@pytest.mark.parametrize(("code", "balance"), [("CONTENT_FILTERED", 100), ("GENERATION_TIMED_OUT", 50)])
async def test_the_file_says_which_failures_give_the_tokens_back(house: House, code: str, balance: int) -> None:
    caller = await house.user()
    job_id = UUID(await house.create(caller))
    working = context(house, ScriptedGenerator([GenerationFailed(code, "It failed.")]))
    policy = working.catalogue.policy.model_copy(update={"refunds": ["CONTENT_FILTERED", "INTERNAL_ERROR"]})

    for _ in range(2):
        await generate(replace(working, catalogue=replace(working.catalogue, policy=policy)), job_id)

    assert ((await house.job(job_id)).error_code, await house.tokens(caller)) == (code, balance)


async def test_without_a_welcome_an_account_begins_with_nothing(house: House) -> None:
    async with under_policy(house, "welcome = 0") as own:
        caller = own.unknown_caller()
        answers = [
            await own.http.get(f"/api/v1/subscription/{path}", headers=own.headers(caller))
            for path in ("info", "history")
        ]

    info, history = [answer.json() for answer in answers]
    assert (info["availableTokens"], info["totalTokens"], history["transactions"]) == (0, 0, [])


async def test_a_free_video_is_charged_nothing_and_nothing_comes_back(house: House) -> None:
    caller = await house.user(tokens=0)
    async with under_policy(house, "[operations]\nvideo_generation = 0") as own:
        job_id = await own.create(caller)
        await own.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=own.headers(caller))
        history = (await own.http.get("/api/v1/subscription/history", headers=own.headers(caller))).json()

    newest = history["transactions"][0]
    assert (newest["type"], newest["amount"]) == ("consumption", 0)
    assert await house.tokens(caller) == 0
