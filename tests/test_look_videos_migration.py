"""The owner's one-time migration: what works before it, that of many calls one does it, what works from then on."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import URL, text

from app.settings import Settings
from auth.caller import Caller, Role
from db import revisions
from db.looks import LookRow
from tests.house import FORM, House, multipart
from tests.inspected import InspectedDatabase
from tests.schema.test_subscriptions import by_payload, follow
from tests.servers import serving
from tests.wires import CREATE, GraphQLWire, RestWire, Wire
from tests.worker.scripted import ScriptedGenerator
from tests.worker.test_generate import context
from worker.service import generate

(ALL_BUT_LOOK_VIDEOS,) = revisions.HEADS - {"0003"}
CALL = "POST /api/v1/migrate/look-videos"
WIRES = (RestWire, GraphQLWire)
LOOK = "query ($id: ID!) { look(id: $id) { videos { videoJobId } defaultThumbnailType } }"
CHANGE = """mutation ($input: LookVideoInput!) { %s(input: $input) {
  look { id } errors { __typename ... on UserError { code message } } } }"""
WRITTEN = text("""SELECT
    (SELECT sum(tokens) FROM users),
    (SELECT count(*) FROM video_jobs),
    (SELECT count(*) FROM video_job_logs),
    (SELECT count(*) FROM token_ledger),
    (SELECT count(*) FROM pgqueuer),
    (SELECT count(*) FROM idempotency_keys)""")
MIGRATE = """
import asyncio, sys
from db.migrations import upgrade_look_videos
print(asyncio.run(upgrade_look_videos(sys.argv[1])))
"""


@asynccontextmanager
async def served(settings: Settings, url: URL) -> AsyncIterator[House]:
    """Serve a database on a port of its own, as one more API process would."""
    dsn = url.render_as_string(hide_password=False)
    settings = settings.model_copy(update={"database_url": dsn})
    database = InspectedDatabase(dsn)
    try:
        async with serving(settings, database) as base_url, House.opened(settings, database, base_url) as house:
            yield house
    finally:
        await database.close()


@pytest.fixture(scope="module")
async def old(settings: Settings, database: InspectedDatabase) -> AsyncIterator[House]:
    """A server on a database that no test here migrates."""
    async with database.beside(ALL_BUT_LOOK_VIDEOS) as before, served(settings, before.url) as house:
        yield house


@pytest.fixture
async def houses(settings: Settings, database: InspectedDatabase) -> AsyncIterator[tuple[House, House]]:
    """Two API processes' worth of servers on a database for one test to migrate."""
    async with (
        database.beside(ALL_BUT_LOOK_VIDEOS) as before,
        served(settings, before.url) as one,
        served(settings, before.url) as two,
    ):
        yield one, two


async def migrate(house: House, caller: Caller) -> httpx.Response:
    return await house.http.post("/api/v1/migrate/look-videos", headers=house.headers(caller))


async def migrated(*calls: House) -> Counter[str]:
    """Call for the migration on all the servers at once; count what they answer."""
    admin = await calls[0].user(role=Role.ADMIN)
    answers = await asyncio.gather(*(migrate(house, admin) for house in calls))
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    return Counter(answer.json()["status"] for answer in answers)


async def written(house: House) -> tuple[Any, ...]:
    async with house.database.session() as session:
        return tuple((await session.execute(WRITTEN)).one())


async def videos_of(house: House, caller: Caller, look: LookRow) -> list[str]:
    """Read a look's videos over both wires, which agree."""
    over_rest = await house.http.get(f"/api/v1/looks/{look.id}", headers=house.headers(caller))
    assert over_rest.status_code == 200, over_rest.text
    over_graphql = await house.graphql(caller, LOOK, id=str(look.id))
    ids = [video["id"] for video in over_rest.json()["videos"]]
    assert ids == [video["videoJobId"] for video in over_graphql["data"]["look"]["videos"]]
    return ids


@pytest.mark.parametrize("wire_type", WIRES)
async def test_a_standalone_video_is_created_followed_and_made_before_the_migration(
    old: House, wire_type: type[RestWire | GraphQLWire]
) -> None:
    caller = await old.user()
    wire: Wire = wire_type(old)

    created = await wire.create(caller)

    assert created.job is not None
    job_id = created.job["id"]
    assert (created.job["status"], created.job["associatedLooks"]) == ("PENDING", [])
    follower = follow(old, job_id, **by_payload(old, caller))
    assert (await anext(follower))["status"] == "PENDING"
    await generate(context(old, ScriptedGenerator()), UUID(job_id))
    assert [job["status"] async for job in follower][-1] == "SUCCEEDED"
    for reader in (RestWire(old), GraphQLWire(old)):
        read = await reader.read(caller, job_id)
        assert read is not None
        assert (read["status"], read["associatedLooks"]) == ("SUCCEEDED", [])


async def test_looks_are_read_without_videos_before_the_migration(old: House) -> None:
    caller = await old.user()
    look = await old.look(caller)

    listed = await old.http.get("/api/v1/looks", headers=old.headers(caller))

    assert await videos_of(old, caller, look) == []
    assert [(item["videos"], item["defaultThumbnailType"]) for item in listed.json()["looks"]] == [([], "image")]


async def test_a_video_for_a_look_is_refused_with_the_way_out_and_writes_nothing(old: House) -> None:
    caller = await old.user()
    look = await old.look(caller)
    before = await written(old)

    form = multipart(FORM | {"lookId": look.id})
    over_rest = await old.http.post("/api/v1/video-jobs", files=form, headers=old.headers(caller))
    input_ = FORM | {"mockMode": True, "lookId": str(look.id)}
    over_graphql = await old.graphql(caller, CREATE, input=input_)

    assert (over_rest.status_code, over_rest.json()["code"]) == (503, "LOOK_VIDEOS_NOT_MIGRATED")
    assert CALL in over_rest.json()["detail"]
    payload = over_graphql["data"]["createVideoJob"]
    assert payload["videoJob"] is None
    assert [error["__typename"] for error in payload["errors"]] == ["LookVideosNotMigrated"]
    assert CALL in payload["errors"][0]["message"]
    assert await written(old) == before


@pytest.mark.parametrize("mutation", ["setDefaultVideo", "unsetDefaultVideo", "linkVideoToLook", "unlinkVideoFromLook"])
async def test_a_change_of_a_looks_videos_is_refused_by_name_before_the_migration(old: House, mutation: str) -> None:
    caller = await old.user()
    look = await old.look(caller)
    job_id = await old.create(caller)

    answer = await old.graphql(caller, CHANGE % mutation, input={"videoJobId": job_id, "lookId": str(look.id)})

    assert "errors" not in answer
    assert [error["__typename"] for error in answer["data"][mutation]["errors"]] == ["LookVideosNotMigrated"]


@pytest.mark.parametrize("change", ["set-default-for-look", "unset-default-for-look"])
async def test_a_default_video_over_rest_is_refused_by_name_before_the_migration(old: House, change: str) -> None:
    caller = await old.user()
    look = await old.look(caller)
    job_id = await old.create(caller)

    answer = await old.http.patch(f"/api/v1/video-jobs/{job_id}/{change}/{look.id}", headers=old.headers(caller))

    assert (answer.status_code, answer.json()["code"]) == (503, "LOOK_VIDEOS_NOT_MIGRATED")
    assert CALL in answer.json()["detail"]


async def test_a_job_is_retried_cancelled_and_deleted_before_the_migration(old: House) -> None:
    caller = await old.user()
    job_id = await old.create(caller)
    retry = "mutation ($id: ID!) { retryVideoJob(input: {id: $id}) { videoJob { id associatedLooks { id } } } }"

    retried = (await old.graphql(caller, retry, id=job_id))["data"]["retryVideoJob"]["videoJob"]
    cancelled = await old.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=old.headers(caller))
    deleted = await old.http.delete(f"/api/v1/video-jobs/{retried['id']}", headers=old.headers(caller))

    assert retried["associatedLooks"] == []
    assert (cancelled.status_code, deleted.status_code) == (200, 204)
    assert await old.tokens(caller) == 100


async def test_only_an_admin_migrates(houses: tuple[House, House]) -> None:
    old, _ = houses
    refused = await migrate(old, await old.user())

    assert refused.status_code == 403
    assert await migrated(old) == {"success": 1}


async def test_of_two_calls_at_once_one_migrates(houses: tuple[House, House]) -> None:
    old, _ = houses
    assert await migrated(old, old) == {"success": 1, "already_migrated": 1}
    assert await migrated(old) == {"already_migrated": 1}
    assert await revisions.are_applied(old.database.reader)


async def test_of_calls_to_two_servers_at_once_one_migrates_and_both_go_on_with_looks(
    houses: tuple[House, House],
) -> None:
    caller = await houses[0].user(tokens=1000)
    look = await houses[0].look(caller)
    refusals = [(await RestWire(house).create(caller, lookId=str(look.id))).code for house in houses]

    statuses = await migrated(*houses, *houses)

    assert refusals == ["LOOK_VIDEOS_NOT_MIGRATED"] * 2
    assert statuses == {"success": 1, "already_migrated": 3}
    made = []
    wires: tuple[Wire, Wire] = (RestWire(houses[0]), GraphQLWire(houses[1]))
    for wire in wires:
        answer = await wire.create(caller, lookId=str(look.id))
        assert answer.job is not None, answer
        assert [shown["id"] for shown in answer.job["associatedLooks"]] == [str(look.id)]
        made.append(answer.job["id"])
    assert [await videos_of(house, caller, look) for house in houses] == [made[::-1]] * 2


async def test_of_three_processes_at_once_one_migrates(houses: tuple[House, House]) -> None:
    old, _ = houses
    url = old.database.server.url
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, url, stdout=asyncio.subprocess.PIPE)
        for _ in range(3)
    ]

    outputs = [(await process.communicate())[0].decode().strip() for process in processes]

    assert Counter(outputs) == {"True": 1, "False": 2}
    caller = await old.user()
    look = await old.look(caller)
    assert await videos_of(old, caller, look) == []
    assert await old.create(caller, lookId=look.id)


async def test_lists_and_looks_know_of_no_videos_before(old: House) -> None:
    caller = await old.user()
    look = await old.look(caller)
    await old.create(caller)
    jobs = "{ totalCount countsByStatus { count } nodes { id } }"

    body = await old.graphql(
        caller,
        f"""query ($id: ID!) {{
          shown: videoJobs(lookId: $id) {jobs} with: looks(hasVideos: true) {{ totalCount nodes {{ id }} }}
          without: looks(hasVideos: false) {{ totalCount nodes {{ videoCount videos(first: 1) {{ id }} }} }} }}""",
        id=str(look.id),
    )

    assert body["data"] == {
        "shown": {"totalCount": 0, "countsByStatus": [{"count": 0}] * 5, "nodes": []},
        "with": {"totalCount": 0, "nodes": []},
        "without": {"totalCount": 1, "nodes": [{"videoCount": 0, "videos": []}]},
    }
