"""Another provider makes what the first certainly did not accept, where the operator says so, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.environment import InvalidSettings
from app.registry import catalogue
from app.settings import Settings
from db import submission_pace
from tests.doubles.answers import Answer, error, quota_exceeded
from tests.doubles.omni import OmniDouble, refusal, serving_omni
from tests.inspected import InspectedDatabase
from tests.worker.studio import CHARGED, FRAMES, Studio, WireName, another_studio, picture, wires

VEO, OMNI = "veo-3.1-generate-preview", "gemini-omni-1.2-flash"
FALLBACK = {VEO: OMNI, OMNI: VEO}


@asynccontextmanager
async def both(
    studio: Studio, settings: Settings, database: InspectedDatabase, fallback: dict[str, str]
) -> AsyncIterator[tuple[Studio, OmniDouble]]:
    """Yield a studio that has both providers."""
    async with serving_omni() as omni:
        changes = {"gemini_api_key": "key", "google_gemini_base_url": omni.url, "omni_poll_seconds": 0.03}
        async with another_studio(studio, settings, database, fallback_models=fallback, **changes) as house:
            yield house, omni


async def outcome(studio: Studio, omni: OmniDouble, *files: Any, **fields: Any) -> tuple[Any, ...]:
    """Make a video; return who made it, what was asked of each, and the lines about a fallback."""
    caller = await studio.house.user()
    job_id = await studio.created(caller, *files, **fields)
    async with studio.working():
        job = await studio.house.finished(job_id)
    assert await studio.money(caller) == CHARGED
    lines = [text for _, text in await studio.log(job_id) if "instead" in text]
    return (job.error_code or job.provider, job.model, len(studio.veo.submits), len(omni.creates), len(lines))


@wires
async def test_what_veo_certainly_did_not_accept_is_made_by_omni(
    studio: Studio, real_settings: Settings, database: InspectedDatabase, over: WireName
) -> None:
    async with both(studio, real_settings, database, FALLBACK) as (house, omni):
        house.veo.script_submit(quota_exceeded("3600s"))
        found = await outcome(house, omni, *FRAMES, over=over)

        assert found == ("omni", VEO, 1, 1, 1)
        (create,) = omni.creates
        assert (create.body["model"], [data for data, _ in create.images]) == (OMNI, [data for _, data in FRAMES])
        assert len(house.veo.accepted) == 0
        async with database.transaction() as transaction:
            assert await submission_pace.is_blocked(transaction, "veo")


CASES: list[tuple[str, dict[str, str], list[Answer], list[Answer], dict[str, Any], tuple[Any, ...]]] = [
    ("nobody is named", {}, [quota_exceeded("0.1s")], [], {}, ("veo", VEO, 2, 0, 0)),
    ("probably not accepted", FALLBACK, [error(503, "Later")], [], {}, ("veo", VEO, 2, 0, 0)),
    ("refused", FALLBACK, [error(400, "No")], [], {}, ("REJECTED_BY_GENERATOR", VEO, 1, 0, 0)),
    (
        "perhaps accepted",
        FALLBACK,
        [Answer(trouble="drop", accepts=True)],
        [],
        {},
        ("SUBMISSION_UNCERTAIN", VEO, 1, 0, 0),
    ),
    (
        "neither accepts",
        FALLBACK,
        [quota_exceeded("3600s")],
        [refusal(429, "x", "Slowly", headers={"Retry-After": "0.1"})] * 2,
        {},
        ("omni", VEO, 1, 3, 1),
    ),
    (
        "the other way",
        FALLBACK,
        [],
        [refusal(429, "x", "Slowly", headers={"Retry-After": "3600"})],
        {"model": OMNI},
        ("veo", OMNI, 1, 1, 1),
    ),
    (
        "the other one cannot",
        FALLBACK,
        [],
        [refusal(429, "x", "Slowly", headers={"Retry-After": "0.1"})],
        {"model": OMNI, "resolution": "1080p", "durationSeconds": "4"},
        ("omni", OMNI, 0, 2, 0),
    ),
    (
        "the other one takes no such picture",
        FALLBACK,
        [],
        [refusal(429, "x", "Slowly", headers={"Retry-After": "0.1"})],
        {"model": OMNI, "files": [("initialImage", picture("WEBP", "red"))]},
        ("omni", OMNI, 0, 2, 0),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
async def test_a_job_goes_to_the_other_once_and_only_if_it_can_be_told(
    studio: Studio, real_settings: Settings, database: InspectedDatabase, case: Any
) -> None:
    _, fallback, submits, creates, fields, expected = case
    async with both(studio, real_settings, database, fallback) as (house, omni):
        house.veo.script_submit(*submits)
        omni.script("create", *creates)

        files = fields.get("files", ())
        asked = {name: value for name, value in fields.items() if name != "files"}
        assert await outcome(house, omni, *files, **asked) == expected


@pytest.mark.parametrize(
    ("fallback", "sentence"),
    [
        ({VEO: "no-such"}, "FALLBACK_MODELS: there is no model 'no-such'; see GET /api/v1/video-models"),
        ({"no-such": OMNI}, "FALLBACK_MODELS: there is no model 'no-such'; see GET /api/v1/video-models"),
        ({VEO: VEO}, f"FALLBACK_MODELS: '{VEO}' and '{VEO}' are of the same provider"),
    ],
)
def test_what_is_no_other_providers_model_is_refused(
    settings: Settings, fallback: dict[str, str], sentence: str
) -> None:
    named = settings.model_copy(
        update={"google_cloud_project": "p", "gemini_api_key": "k", "fallback_models": fallback}
    )

    with pytest.raises(InvalidSettings) as caught:
        catalogue(named)

    assert str(caught.value) == sentence
