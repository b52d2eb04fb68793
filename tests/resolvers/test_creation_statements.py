"""What a creation sends to the database over each wire: no more than it needs, each statement a round trip."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from app.settings import Settings
from auth.caller import Caller
from tests.house import FORM, House, eventually, multipart
from tests.inspected import InspectedDatabase
from tests.servers import serving

CREATE = """mutation ($input: CreateVideoJobInput!) { createVideoJob(input: $input) {
  videoJob { id status createdAt } replayed errors { ... on UserError { code } } } }"""
# What each statement is known by.
NAMES = {
    "lock": "FROM users WHERE users.id = .* FOR NO KEY UPDATE$",
    "standing": r"^SELECT array\(\(SELECT video_jobs.id .* FOR KEY SHARE\)",
    "write": "^WITH job AS .*INTO video_jobs .*INTO video_job_logs .*UPDATE users .*INTO token_ledger",
    "enqueue": "^ WITH input AS .*INTO pgqueuer .*INTO pgqueuer_log",
    "place": "^SELECT video_jobs.id, .*percentile_cont",
    "looks": "^SELECT .* FROM look_videos JOIN looks",
    "read key": "^SELECT .* FROM idempotency_keys",
    "write key": "^INSERT INTO idempotency_keys",
    "read job": "^SELECT video_jobs.* FROM video_jobs WHERE",
    "wake": "^SELECT pg_notify",
}
# Each process reads once a second who may not act.
OF_NO_REQUEST = re.compile("^SELECT users.id, users.status, users.role")
WRITTEN = ["BEGIN", "lock", "standing", "write", "enqueue", "COMMIT", "wake"]


@pytest.fixture
async def listened(house: House, settings: Settings, sent: list[str]) -> AsyncIterator[House]:
    """An API with connections of its own, where nothing happens for the first time any more."""
    database = InspectedDatabase(house.database.server.url, pool_size=2)
    async with serving(settings, database) as url, House.opened(settings, database, url) as listened:
        caller = await listened.user()
        await over_rest(listened, caller, sent, lookId=str((await listened.look(caller)).id))
        yield listened
    await database.close()


async def over_rest(house: House, caller: Caller, sent: list[str], **fields: str) -> list[str]:
    """Create a job with a form; return what was sent."""
    headers = house.headers(caller)
    if "idempotencyKey" in fields:
        headers["Idempotency-Key"] = fields.pop("idempotencyKey")
    await house.graphql(caller, "{ viewer { id } }")
    sent.clear()
    answer = await house.http.post("/api/v1/video-jobs", files=multipart(FORM | fields), headers=headers)
    return await named(sent, is_refused=answer.is_error or "Idempotent-Replayed" in answer.headers)


async def over_graphql(house: House, caller: Caller, sent: list[str], **fields: str) -> list[str]:
    """Create a job with a mutation; return what was sent."""
    await house.graphql(caller, "{ viewer { id } }")
    sent.clear()
    body = await house.graphql(caller, CREATE, input={**FORM, **fields, "mockMode": True})
    payload = body["data"]["createVideoJob"]
    return await named(sent, is_refused=bool(payload["errors"]) or payload["replayed"])


async def named(sent: list[str], *, is_refused: bool) -> list[str]:
    """Name what was sent until the wake-up, which nobody waits for."""

    async def count() -> int:
        return len([statement for statement in sent if "pg_notify" in statement])

    await eventually(count, lambda wake_ups: wake_ups == (not is_refused))
    return [name(re.sub(r"\s+", " ", statement)) for statement in sent if not OF_NO_REQUEST.search(statement)]


def name(statement: str) -> str:
    return next((name for name, pattern in NAMES.items() if re.search(pattern, statement)), statement)


def with_place(statements: list[str], *more: str) -> list[str]:
    """Put in what REST shows besides."""
    return [*statements[:-2], *more, "place", *statements[-2:]]


async def test_a_creation_takes_seven_round_trips_and_over_rest_its_place(listened: House, sent: list[str]) -> None:
    caller = await listened.user(tokens=1000)

    assert await over_graphql(listened, caller, sent) == WRITTEN
    assert await over_rest(listened, caller, sent) == with_place(WRITTEN)


async def test_a_look_costs_nothing_more_but_to_be_shown(listened: House, sent: list[str]) -> None:
    caller = await listened.user(tokens=1000)
    look_id = str((await listened.look(caller)).id)

    assert await over_graphql(listened, caller, sent, lookId=look_id) == WRITTEN
    assert await over_rest(listened, caller, sent, lookId=look_id) == with_place(WRITTEN, "looks")


async def test_a_key_is_read_and_written(listened: House, sent: list[str]) -> None:
    caller = await listened.user(tokens=1000)
    keyed = [*WRITTEN[:3], "read key", "write", "write key", *WRITTEN[4:]]

    assert await over_graphql(listened, caller, sent, idempotencyKey="first") == keyed
    assert await over_rest(listened, caller, sent, idempotencyKey="second") == with_place(keyed)
    assert await over_graphql(listened, caller, sent, idempotencyKey="first") == [
        *WRITTEN[:3],
        "read key",
        "read job",
        "COMMIT",
    ]


@pytest.mark.parametrize("create", [over_rest, over_graphql])
async def test_a_refusal_takes_what_it_needs_to_know(listened: House, sent: list[str], create: Any) -> None:
    caller = await listened.user(tokens=20)

    assert await create(listened, caller, sent) == ["BEGIN", "lock", "standing", "ROLLBACK"]
    assert await create(listened, caller, sent, resolution="4k") == ["BEGIN", "ROLLBACK"]


@pytest.mark.parametrize("create", [over_rest, over_graphql])
async def test_nothing_of_it_goes_through_sqlalchemy(listened: House, sent: list[str], create: Any) -> None:
    caller = await listened.user()
    await listened.graphql(caller, "{ viewer { id } }")
    through: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "INSERT" in statement or "FOR NO KEY" in statement:
            through.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await create(listened, caller, sent)
    finally:
        event.remove(Engine, "before_cursor_execute", note)

    assert through == []
