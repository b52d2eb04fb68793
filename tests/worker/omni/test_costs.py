"""What real videos have cost: kept with the generator's counts, estimated by the policy, and for admins alone."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text

from app.registry import catalogue
from auth.caller import Caller, Role
from db.tables import GenerationCost
from resolvers.policy import BUILT_IN, GeneratorPrice, Policy
from tests.doubles.omni import ended, output
from tests.worker.omni.house import OmniStudio

COST = "cost { provider seconds totalTokens tokens { kind tokens } estimate currency }"
READ = f"query ($id: ID!) {{ videoJob(id: $id) {{ {COST} }} }}"
SUMS = """query ($by: GenerationCostGroup!, $since: DateTime, $until: DateTime) {
  generationCosts(by: $by, since: $since, until: $until) {
    group videos seconds totalTokens estimate unestimated currency } }"""
PRICE = GeneratorPrice(name="by tokens", provider="omni", per_second=0.01, per_million_output_tokens=17.5)
POLICY = BUILT_IN.model_copy(update={"generator_prices": [PRICE], "currency": "EUR"})
# 46,336 tokens of output at 17.5 a million, and 8 s at 0.01.
EXACT = Decimal("0.890880")


async def made(studio: OmniStudio, caller: Caller, policy: Policy = POLICY, **fields: Any) -> str:
    job_id = await studio.created(caller, **fields)
    async with studio.working(catalogue=replace(catalogue(studio.house.settings), policy=policy)):
        job = await studio.house.finished(job_id)
    assert (job.status, job.error_message) == ("SUCCEEDED", None)
    return job_id


async def rows(studio: OmniStudio) -> list[GenerationCost]:
    async with studio.house.database.session() as session:
        return list(await session.scalars(select(GenerationCost).order_by(GenerationCost.created_at)))


async def test_a_video_keeps_what_it_has_cost_for_admins_to_see(studio: OmniStudio) -> None:
    caller, admin = await studio.house.user(), await studio.house.user(role=Role.ADMIN)
    job_id = await made(studio, caller)

    (row,) = await rows(studio)
    assert (row.user_id, row.provider, row.model) == (caller.user_id, "omni", "veo-3.1-generate-preview")
    assert (row.tokens, row.estimate, row.currency) == ({"output_video": 46336}, EXACT, "EUR")
    assert (await studio.house.graphql(caller, READ, id=job_id))["data"]["videoJob"] == {"cost": None}
    shown = (await studio.house.graphql(admin, READ, id=job_id))["data"]["videoJob"]["cost"]
    assert shown == {
        "provider": "omni",
        "seconds": 8.0,
        "totalTokens": 46336.0,
        "tokens": [{"kind": "output_video", "tokens": 46336.0}],
        "estimate": float(EXACT),
        "currency": "EUR",
    }


async def test_costs_are_added_up_by_user_and_by_day(studio: OmniStudio) -> None:
    one, other, admin = [await studio.house.user(role=role) for role in (Role.USER, Role.USER, Role.ADMIN)]
    first = await made(studio, one)
    await made(studio, other, BUILT_IN)
    await made(studio, one)
    await made(studio, other, mockMode="true")
    await studio.house.http.delete(f"/api/v1/video-jobs/{first}", headers=studio.house.headers(one))
    async with studio.house.database.session() as session:
        await session.execute(text("UPDATE generation_costs SET created_at = '2026-11-01 23:59:59Z'"))
        await session.execute(
            text("UPDATE generation_costs SET created_at = '2026-11-02 00:00Z' WHERE currency = 'USD'")
        )

    async def sums(by: str, since: str = "2026-10-01T00:00:00Z", until: str = "2026-12-01T00:00:00Z") -> Any:
        answer = await studio.house.graphql(admin, SUMS, by=by, since=since, until=until)
        return [tuple(row.values()) for row in answer["data"]["generationCosts"]]

    dear = (2, 16.0, 92672.0, float(2 * EXACT), 0, "EUR")
    unpriced = (1, 8.0, 46336.0, 0.0, 1, "USD")
    assert await sums("USER") == [(str(one.user_id), *dear), (str(other.user_id), *unpriced)]
    assert await sums("DAY") == [("2026-11-02", *unpriced), ("2026-11-01", *dear)]
    assert await sums("DAY", since="2026-11-02T00:00:00Z") == [("2026-11-02", *unpriced)]
    assert await sums("DAY", until="2026-11-02T00:00:00Z") == [("2026-11-01", *dear)]
    # Without a zone, it is UTC.
    assert await sums("DAY", since="2026-10-01", until="2026-11-02") == [("2026-11-01", *dear)]


@pytest.mark.parametrize(
    ("since", "until", "code"),
    [
        ("2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "INVALID_INPUT"),
        ("0001-01-01T00:00:00Z", None, "INVALID_INPUT"),
        (None, "0001-01-01T00:00:00Z", None),
        (None, "0001-01-02", None),
        ("2020-01-01", None, "INVALID_INPUT"),
        (None, "9999-12-31T23:59:59-14:00", "INVALID_INPUT"),
        ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", None),
        ("2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z", None),
        ("2024-01-01T00:00:00Z", "2025-01-01T00:00:01Z", "INVALID_INPUT"),
    ],
)
async def test_a_time_that_cannot_be_added_up_is_refused(
    studio: OmniStudio, since: str | None, until: str | None, code: str | None
) -> None:
    answer = await studio.house.graphql(
        await studio.house.user(role=Role.ADMIN), SUMS, by="DAY", since=since, until=until
    )

    if code is None:
        assert answer["data"]["generationCosts"] == []
    else:
        assert [error["extensions"]["code"] for error in answer["errors"]] == [code]


VIDEO = {"type": "video", "mime_type": "video/mp4"}
USAGES: list[tuple[dict[str, Any], dict[str, int]]] = [
    ({}, {}),
    ({"usage": {}}, {}),
    ({"usage": {"total_input_tokens": 7, "total_output_tokens": 9}}, {"input": 7, "output": 9}),
    (
        {
            "usage": {
                "total_input_tokens": 300,
                "input_tokens_by_modality": [{"modality": "text", "tokens": 42}, {"modality": "image", "tokens": 258}],
                "total_output_tokens": 9,
                "output_tokens_by_modality": [{"modality": "video", "tokens": 9}],
                "total_thought_tokens": 5,
            }
        },
        {"input_text": 42, "input_image": 258, "output_video": 9, "thought": 5},
    ),
    ({"usage": {"output_tokens_by_modality": [{"modality": "hologram", "tokens": 9}]}}, {"output_hologram": 9}),
    ({"usage": {"output_tokens_by_modality": [{"modality": "video"}]}}, {}),
]


@pytest.mark.parametrize(("members", "tokens"), USAGES, ids=str)
async def test_whatever_the_generator_reports_is_kept_and_nothing_else(
    studio: OmniStudio, members: dict[str, Any], tokens: dict[str, int]
) -> None:
    uri = "https://generativelanguage.googleapis.com/v1beta/files/x:download?alt=media"
    studio.omni.script("poll", ended("completed", output(VIDEO | {"uri": uri}), **members))
    await made(studio, await studio.house.user())

    (row,) = await rows(studio)
    assert row.tokens == tokens
    # A price by tokens without a count of them is no estimate.
    assert (row.estimate is None) == (not tokens)


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ({"per_second": 0.1}, "0.8"),
        ({"per_second": 0.1, "model": "veo-*"}, "0.8"),
        ({"per_second": 0.1, "resolution": "1080p"}, None),
        ({"per_second": 0.1, "sound": True}, None),
        ({"per_second": 0.1, "provider": "veo"}, None),
        ({"per_million_input_tokens": 1_000_000.0}, "10"),
        ({"per_million_output_tokens": 1_000_000.0}, "22"),
    ],
)
def test_the_first_rule_about_a_video_estimates_it(price: dict[str, Any], expected: str | None) -> None:
    rule = GeneratorPrice(name="rule", **price)
    video = {"provider": "omni", "model": "veo-3.1-generate-preview", "resolution": "720p", "sound": False}
    found = rule.estimate(8.0, {"input_text": 10, "output_video": 20, "thought": 2}) if rule.matches(**video) else None  # type: ignore[arg-type]

    assert found == (None if expected is None else Decimal(expected))
