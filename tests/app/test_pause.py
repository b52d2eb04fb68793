"""Pauses: what one process is told, all obey at once, before anything is charged."""

import time
from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from auth.caller import Role
from db import pauses
from db.enums import PauseScope
from tests.admin_jobs import recorded
from tests.app.processes import lookreel
from tests.house import FORM, House, multipart
from tests.inspected import InspectedDatabase
from tests.servers import serving
from tests.wires import GraphQLWire, RestWire, Wire

REASON = "The generator is being moved. Back at 14:00 UTC."
PAUSE = """mutation ($input: PauseCreationsInput!) { pauseCreations(input: $input) {
  pauses { scope reason } errors { code field } } }"""
RESUME = """mutation ($input: ResumeCreationsInput!) { resumeCreations(input: $input) {
  pauses { scope reason } errors { code } } }"""
QUOTE = """query ($input: CreateVideoJobInput!) { videoJobQuote(input: $input) {
  errors { ... on UserError { code } ... on Paused { reason } } } }"""


@pytest.fixture
async def real(house: House, settings: Settings) -> AsyncIterator[House]:
    """Another API process, which offers real videos, too."""
    own = settings.model_copy(update={"google_api_key": "x"})
    database = InspectedDatabase(house.database.server.url)
    async with serving(own, database) as url, House.opened(own, database, url) as opened:
        yield opened
    await database.close()


async def pause(house: House, scope: PauseScope, reason: str = REASON) -> None:
    async with house.database.transaction() as transaction:
        await pauses.begin(transaction, scope, reason)


async def test_another_process_obeys_within_a_second(house: House, wire: Wire, environment: dict[str, object]) -> None:
    caller = await house.user(tokens=1000)
    assert (await wire.create(caller)).code is None
    before = await house.traces(caller)

    paused = lookreel("pause", "--reason", REASON, **environment)
    began = time.monotonic()
    refused = await wire.create(caller)
    seconds = time.monotonic() - began

    assert (paused.returncode, paused.stdout) == (0, "New videos are refused until `lookreel resume`.\n")
    message = f"New videos are paused at the moment. Nothing was charged. {REASON}"
    assert (refused.code, refused.message) == ("PAUSED", message)
    assert (await house.traces(caller), seconds < 1) == (before, True)

    resumed = lookreel("resume", **environment)
    assert (await wire.create(caller)).code is None
    again = lookreel("resume", **environment)
    assert [resumed.stdout, again.stdout] == ["New videos are accepted again.\n", "Nothing was paused.\n"]
    assert [(entry.action, entry.actor, entry.reason, entry.details) for entry in await recorded(house)] == [
        ("PAUSE_CREATIONS", "OPERATOR", REASON, "ALL"),
        ("RESUME_CREATIONS", "OPERATOR", None, "ALL"),
    ]


async def test_admins_pause_by_the_same_rule(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()

    blank = await house.graphql(admin, PAUSE, input={"reason": " "})
    real = await house.graphql(admin, PAUSE, input={"reason": "Veo is down.", "scope": "REAL"})
    both = await house.graphql(admin, PAUSE, input={"reason": REASON})
    refused = await GraphQLWire(house).create(caller)
    resumed, again = [await house.graphql(admin, RESUME, input={"reason": "Moved."}) for _ in range(2)]

    assert blank["data"]["pauseCreations"] == {"pauses": None, "errors": [{"code": "INVALID_INPUT", "field": "reason"}]}
    of_real, of_all = {"scope": "REAL", "reason": "Veo is down."}, {"scope": "ALL", "reason": REASON}
    assert real["data"]["pauseCreations"] == {"pauses": [of_real], "errors": []}
    assert both["data"]["pauseCreations"] == {"pauses": [of_all, of_real], "errors": []}
    assert refused.code == "PAUSED"
    assert sorted(pause["scope"] for pause in resumed["data"]["resumeCreations"]["pauses"]) == ["ALL", "REAL"]
    assert again["data"]["resumeCreations"] == {"pauses": [], "errors": []}
    assert (await GraphQLWire(house).create(caller)).code is None
    acts = await recorded(house)
    assert {(entry.action, entry.actor_id, entry.reason, entry.details) for entry in acts} == {
        ("PAUSE_CREATIONS", admin.user_id, "Veo is down.", "REAL"),
        ("PAUSE_CREATIONS", admin.user_id, REASON, "ALL"),
        ("RESUME_CREATIONS", admin.user_id, "Moved.", "REAL"),
        ("RESUME_CREATIONS", admin.user_id, "Moved.", "ALL"),
    }


async def test_a_refusal_over_rest_is_a_503_that_says_when_to_come_again(house: House) -> None:
    caller = await house.user()
    await pause(house, PauseScope.ALL)

    answer = await house.http.post("/api/v1/video-jobs", files=multipart(FORM), headers=house.headers(caller))

    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "PAUSED", "60")


@pytest.mark.parametrize("wire_class", [RestWire, GraphQLWire])
async def test_real_videos_can_be_paused_alone(real: House, wire_class: type[RestWire | GraphQLWire]) -> None:
    caller, wire = await real.user(tokens=1000), wire_class(real)
    await pause(real, PauseScope.REAL)

    mock, refused = await wire.create(caller), await wire.create(caller, mockMode="false")

    assert (mock.code, refused.code) == (None, "PAUSED")
    assert refused.message == f"Real videos are paused at the moment. Nothing was charged. {REASON}"
    assert (await real.tokens(caller), await real.charges(caller)) == (950, 1)


async def test_a_repeated_request_gets_its_answer_and_other_operations_go_on(house: House, wire: Wire) -> None:
    caller = await house.user(tokens=1000)
    created = await wire.create(caller, idempotencyKey="one")
    await pause(house, PauseScope.ALL)

    again = await wire.create(caller, idempotencyKey="one")
    consumed = await house.http.post(
        "/api/v1/subscription/consume", json={"operation": "text_to_text"}, headers=house.headers(caller)
    )

    assert (again.replayed, again.job and again.job["id"]) == (True, created.job and created.job["id"])
    assert consumed.json()["success"]


async def test_a_quote_tells_the_reason(house: House) -> None:
    caller = await house.user()
    await pause(house, PauseScope.ALL)

    body = await house.graphql(caller, QUOTE, input={**FORM, "mockMode": True})

    assert body["data"]["videoJobQuote"]["errors"] == [{"code": "PAUSED", "reason": REASON}]


async def test_running_jobs_go_on(house: House, working: None) -> None:  # noqa: ARG001 - runs a worker
    job_id = await house.create(await house.user())
    await pause(house, PauseScope.ALL)

    assert (await house.finished(job_id)).status == "SUCCEEDED"


async def test_creations_that_are_under_way_end_soon_and_all_later_ones_are_refused(house: House) -> None:
    caller = await house.user(tokens=10_000)
    async with house.database.transaction() as transaction:
        await pauses.begin(transaction, PauseScope.ALL, "first")
        await pauses.begin(transaction, PauseScope.ALL, REASON)
        unseen = await RestWire(house).create(caller)

    refused = await RestWire(house).create(caller)

    assert (unseen.code, refused.code) == (None, "PAUSED")
    assert (refused.message or "").endswith(REASON)


@pytest.mark.parametrize("arguments", [("--reason", ""), ("--reason", "x" * 501), ("--reason", " "), ()])
async def test_a_pause_needs_a_reason(house: House, environment: dict[str, object], arguments: tuple[str, ...]) -> None:
    ended = lookreel("pause", *arguments, **environment)

    assert ended.returncode == (1 if arguments else 2)
    assert "Traceback" not in ended.stderr
    assert await pauses.current(house.database.reader) == []
