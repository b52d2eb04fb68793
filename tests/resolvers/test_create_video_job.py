"""Creating a video job, over both wires: what it writes and charges, and that a refusal does neither."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from auth.caller import AccountStatus, Role
from auth.tokens import sign
from db.tables import IdempotencyKey, LookVideo, VideoJob
from tests.house import House
from tests.wires import Answer, GraphQLWire, RestWire, Wire

MODELS = (
    "'veo-3.1-generate-preview', 'veo-3.1-fast-generate-preview', 'veo-3.1-generate-001', "
    "'veo-3.1-fast-generate-001', 'veo-3.1-lite-generate-001' or 'gemini-omni-1.2-flash'"
)
TOO_MANY = "Maximum 3 concurrent video jobs allowed. Please wait for existing jobs to complete."


async def test_a_standalone_job_is_written_charged_and_queued_at_once(house: House, wire: Wire) -> None:
    caller = await house.user(tokens=100)
    before = await house.traces(caller)

    answer = await wire.create(caller)

    assert answer.job is not None
    assert {name: answer.job[name] for name in ("status", "progressPercentage", "cloudinaryUrl", "tokensConsumed")} == {
        "status": "PENDING",
        "progressPercentage": 0,
        "cloudinaryUrl": None,
        "tokensConsumed": 50,
    }
    assert answer.job["durationSeconds"] == 8
    assert answer.job["generateAudio"] is False
    assert answer.job["associatedLooks"] == []
    assert "(Mock Mode)" in answer.job["statusMessage"]
    after = await house.traces(caller)
    assert after == type(before)(jobs=1, logs=1, links=0, ledger=before.ledger + 1, queued=1, keys=0, tokens=50)


async def test_a_job_for_a_look_is_linked_to_it_and_is_not_its_default(house: House, wire: Wire) -> None:
    caller = await house.user()
    look = await house.look(caller)

    answer = await wire.create(caller, lookId=str(look.id))

    assert answer.job is not None
    assert [shown["id"] for shown in answer.job["associatedLooks"]] == [str(look.id)]
    assert answer.job["associatedLooks"][0]["generatedImageUrl"].startswith(house.base_url)
    assert await house.count(LookVideo.look_id == look.id, ~LookVideo.is_default, table=LookVideo) == 1


async def test_models_are_accepted_with_their_resource_prefix(house: House, wire: Wire) -> None:
    answer = await wire.create(await house.user(), model="models/veo-3.1-fast-generate-preview")

    assert answer.job is not None
    assert answer.job["model"] == "veo-3.1-fast-generate-preview"


@pytest.mark.parametrize("resolution", ["720p", "1080p"])
@pytest.mark.parametrize("aspect_ratio", ["16:9", "9:16"])
@pytest.mark.parametrize("seconds", ["4", "8"])
async def test_every_combination_can_be_asked_for(
    house: House, wire: Wire, resolution: str, aspect_ratio: str, seconds: str
) -> None:
    answer = await wire.create(
        await house.user(), resolution=resolution, aspectRatio=aspect_ratio, durationSeconds=seconds
    )

    assert answer.job is not None
    assert (answer.job["resolution"], answer.job["aspectRatio"]) == (resolution, aspect_ratio)
    assert answer.job["durationSeconds"] == int(seconds)


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"resolution": "4k"}, "INVALID_INPUT", "Resolution must be '720p' or '1080p'"),
        ({"aspectRatio": "1:1"}, "INVALID_INPUT", "Aspect ratio must be '16:9' or '9:16'"),
        ({"durationSeconds": "5"}, "INVALID_INPUT", "Duration must be 4 or 8 seconds"),
        ({"prompt": None}, "INVALID_INPUT", "Either 'prompt' or 'initialImage' is required"),
        ({"prompt": "   "}, "INVALID_INPUT", "Either 'prompt' or 'initialImage' is required"),
        ({"prompt": "x" * 4001}, "INVALID_INPUT", "Prompt must be at most 4000 characters"),
        ({"prompt": "nul \x00 byte"}, "INVALID_INPUT", "prompt contains characters that cannot be stored"),
        ({"idempotencyKey": "k" * 256}, "INVALID_INPUT", "An idempotency key must have 1 to 255 characters"),
        ({"lookId": "no-uuid"}, "INVALID_LOOK", "Invalid look_id"),
        ({"lookId": str(uuid4())}, "INVALID_LOOK", "Invalid look_id"),
        (
            {"mockMode": "false"},
            "GENERATION_UNAVAILABLE",
            "Real video generation is not configured on this server. Send mockMode=true for a mock video.",
        ),
        (
            {"model": "veo-9"},
            "INVALID_INPUT",
            f"Model must be one of {MODELS}",
        ),
    ],
)
async def test_a_refused_request_writes_and_charges_nothing(
    house: House, wire: Wire, fields: dict[str, Any], code: str, message: str
) -> None:
    caller = await house.user()
    before = await house.traces(caller)

    answer = await wire.create(caller, **fields)

    assert (answer.job, answer.code, answer.message) == (None, code, message)
    assert await house.traces(caller) == before


@pytest.mark.parametrize("look", ["", " "])
async def test_an_empty_look_is_none_in_a_form_alone(house: House, look: str) -> None:
    caller = await house.user()
    before = await house.traces(caller)

    refused = await GraphQLWire(house).create(caller, lookId=look)
    assert await house.traces(caller) == before
    made = await RestWire(house).create(caller, lookId=look)

    assert (refused.job, refused.code, refused.message) == (None, "INVALID_LOOK", "Invalid look_id")
    assert made.job is not None
    assert made.job["associatedLooks"] == []


async def test_somebody_elses_look_is_refused_even_to_an_admin(house: House, wire: Wire) -> None:
    look = await house.look(await house.user())
    for caller in (await house.user(), await house.user(role=Role.ADMIN)):
        before = await house.traces(caller)

        answer = await wire.create(caller, lookId=str(look.id))

        assert (answer.code, answer.message) == ("INVALID_LOOK", "Invalid look_id")
        assert await house.traces(caller) == before


async def test_too_few_tokens_are_refused_with_cost_and_balance(house: House, wire: Wire) -> None:
    caller = await house.user(tokens=20)
    before = await house.traces(caller)

    answer = await wire.create(caller)

    assert answer == Answer(
        code="INSUFFICIENT_TOKENS",
        message="Insufficient tokens. Operation 'video_generation' costs 50 tokens but you have 20.",
        details={"cost": 50, "availableTokens": 20},
    )
    assert await house.traces(caller) == before


async def test_a_fourth_active_job_is_refused(house: House, wire: Wire) -> None:
    caller = await house.user(tokens=1000)
    for _ in range(3):
        await house.create(caller)
    before = await house.traces(caller)

    answer = await wire.create(caller)

    assert (answer.code, answer.message) == ("ACTIVE_JOB_LIMIT", TOO_MANY)
    assert await house.traces(caller) == before


async def test_the_checks_come_in_the_contracts_order(house: House, wire: Wire) -> None:
    """Fields before look, look before active jobs, active jobs before tokens."""
    caller = await house.user(tokens=1000)
    for _ in range(3):
        await house.create(caller)
    await house.set_tokens(caller, 0)

    everything = await wire.create(caller, resolution="4k", lookId="no-uuid")
    look_limit_and_tokens = await wire.create(caller, lookId="no-uuid")
    limit_and_tokens = await wire.create(caller)

    codes = [everything.code, look_limit_and_tokens.code, limit_and_tokens.code]
    assert codes == ["INVALID_INPUT", "INVALID_LOOK", "ACTIVE_JOB_LIMIT"]


async def test_the_last_tokens_can_be_spent_and_one_less_cannot(house: House, wire: Wire) -> None:
    just_enough, too_few = await house.user(tokens=50), await house.user(tokens=49)

    accepted, refused = await wire.create(just_enough), await wire.create(too_few)

    assert (accepted.job is not None, refused.code) == (True, "INSUFFICIENT_TOKENS")
    assert [await house.tokens(caller) for caller in (just_enough, too_few)] == [0, 49]


@pytest.mark.parametrize("status", [AccountStatus.PENDING, AccountStatus.SUSPENDED])
async def test_an_inactive_account_is_refused(house: House, wire: Wire, status: AccountStatus) -> None:
    caller = house.unknown_caller(status=status)
    before = await house.traces(caller)

    answer = await wire.create(caller)

    assert answer.code == "ACCOUNT_NOT_ACTIVE"
    assert await house.traces(caller) == before


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "UNAUTHENTICATED"),
        ("Bearer rubbish", "UNAUTHENTICATED"),
        ("Basic dTpw", "NOT_A_BEARER_TOKEN"),
        ("Bearer", "NOT_A_BEARER_TOKEN"),
        ("expired", "TOKEN_EXPIRED"),
    ],
)
async def test_a_caller_without_a_good_token_is_refused(
    house: House, wire: Wire, authorization: str | None, code: str
) -> None:
    caller = house.unknown_caller()
    before = await house.traces(caller)
    expired = sign(house.settings.token_policy(), caller, timedelta(hours=-1))
    sent = f"Bearer {expired}" if authorization == "expired" else authorization

    answer = await wire.create(None, headers={"Authorization": sent} if sent else {})

    assert answer.code == code
    is_legacy = isinstance(wire, RestWire) or code == "UNAUTHENTICATED"
    assert (answer.message == "Could not validate credentials") is is_legacy
    assert await house.traces(caller) == before


async def test_a_hundred_creates_at_once_leave_three_jobs_three_charges_and_850_tokens(
    house: House, wire: Wire
) -> None:
    caller = await house.user(tokens=1000)

    answers = await asyncio.gather(*(wire.create(caller) for _ in range(100)))

    assert Counter(answer.code for answer in answers) == {None: 3, "ACTIVE_JOB_LIMIT": 97}
    assert await house.count(VideoJob.user_id == caller.user_id) == 3
    assert await house.charges(caller) == 3
    assert await house.tokens(caller) == 850


async def test_thirty_creates_with_one_key_make_one_job(house: House, wire: Wire) -> None:
    caller = await house.user(tokens=1000)

    answers = await asyncio.gather(*(wire.create(caller, idempotencyKey="once") for _ in range(30)))

    assert len({answer.job["id"] for answer in answers if answer.job}) == 1
    assert Counter((answer.code, answer.replayed) for answer in answers) == {(None, False): 1, (None, True): 29}
    assert await house.count(VideoJob.user_id == caller.user_id) == 1
    assert await house.tokens(caller) == 950


async def test_a_key_stands_for_one_request_over_both_wires(house: House, wire: Wire) -> None:
    caller = await house.user(tokens=1000)
    first = await GraphQLWire(house).create(caller, idempotencyKey="shared")

    again = await wire.create(caller, idempotencyKey="shared")
    other = await wire.create(caller, idempotencyKey="shared", prompt="Something else")
    another_users = await wire.create(await house.user(), idempotencyKey="shared", prompt="Something else")

    assert first.job is not None
    assert again.job is not None
    assert again.job["id"] == first.job["id"]
    assert again.replayed
    assert other.code == "IDEMPOTENCY_KEY_REUSED"
    assert another_users.job is not None
    assert await house.count(IdempotencyKey.user_id == caller.user_id, table=IdempotencyKey) == 1


async def test_a_refused_request_releases_its_key(house: House, wire: Wire) -> None:
    caller = await house.user(tokens=20)
    refused = await wire.create(caller, idempotencyKey="later")
    await house.set_tokens(caller, 100)

    accepted = await wire.create(caller, idempotencyKey="later")

    assert refused.code == "INSUFFICIENT_TOKENS"
    assert accepted.job is not None
    assert not accepted.replayed


@pytest.mark.parametrize(
    ("fields", "code"), [({"resolution": "4k"}, "INVALID_INPUT"), ({"mockMode": "false"}, "GENERATION_UNAVAILABLE")]
)
async def test_a_new_key_is_no_way_around_a_rule(house: House, wire: Wire, fields: dict[str, Any], code: str) -> None:
    caller = await house.user()
    before = await house.traces(caller)

    answer = await wire.create(caller, idempotencyKey="new", **fields)

    assert (answer.job, answer.code) == (None, code)
    assert await house.traces(caller) == before
