"""Following a look for whoever may see it, and everybody's jobs for admins."""

import asyncio
import json
from typing import Any
from uuid import UUID

from app.settings import Settings
from auth.caller import Caller, Role
from db.engine.database import Database
from db.enums import VideoJobStatus
from resolvers import video_jobs
from tests.house import House
from tests.schema.test_resumed_jobs import DELETIONS
from tests.schema.test_streams import JOB, JOBS, LOGS, Socket, opened
from tests.servers import serving

LOOK = """subscription ($id: ID!) { look(id: $id) { title notes visibility
  videos { videoJobId status isDefault videoJob { prompt } } } }"""
EVERYBODYS = "subscription { adminVideoJobs { id status user { email } } }"


async def cancel(house: House, caller: Caller, job_id: str) -> None:
    async with house.database.transaction() as transaction:
        await video_jobs.cancel(transaction, caller, UUID(job_id))


async def do(house: House, caller: Caller, mutation: str) -> None:
    body = await house.graphql(caller, f"mutation {{ {mutation} {{ errors {{ code }} }} }}")
    assert [payload["errors"] for payload in body["data"].values()] == [[]]


async def test_whoever_may_see_a_look_sees_its_videos_change(house: House) -> None:
    owner, friend = await house.user(tokens=1000), await house.user()
    look = str((await house.look(owner)).id)
    share = f'setLookVisibility(input: {{id: "{look}", visibility: SHARED, sharedWithUserIds: ["{friend.user_id}"]}})'
    await do(house, owner, share)
    other = await house.create(owner)

    async with opened(house, friend) as socket:
        await socket.subscribe(LOOK, id=look)
        first = await socket.data()
        # Of no concern: the look does not show it.
        await cancel(house, owner, other)
        job = await house.create(owner, lookId=look)
        created = await _until(socket, lambda seen: bool(seen["videos"]))
        await do(house, owner, f'setDefaultVideo(input: {{videoJobId: "{job}", lookId: "{look}"}})')
        default = await _until(socket, lambda seen: seen["videos"][0]["isDefault"])
        await cancel(house, owner, job)
        ended = await _until(socket, lambda seen: seen["videos"][0]["status"] == VideoJobStatus.CANCELLED)
        await do(house, owner, f'updateLook(input: {{id: "{look}", title: "Better"}})')
        renamed = await _until(socket, lambda seen: seen["title"] == "Better")
        await do(house, owner, f'setLookVisibility(input: {{id: "{look}", visibility: PRIVATE}})')
        gone = await socket.receive()
    async with opened(house, owner) as socket:
        await socket.subscribe(LOOK, id=look)
        await socket.data()
        await do(house, owner, f'deleteLook(input: {{id: "{look}"}})')
        deleted = await socket.receive()

    video = {"videoJobId": job, "status": "PENDING", "isDefault": False, "videoJob": None}
    assert (first["videos"], first["visibility"], first["notes"]) == ([], "SHARED", None)
    assert created["videos"] == [video]
    assert default["videos"] == [video | {"isDefault": True}]
    assert ended["videos"] == renamed["videos"] == [video | {"isDefault": True, "status": "CANCELLED"}]
    for end in (gone, deleted):
        assert [error["extensions"]["code"] for error in end["payload"]["errors"]] == ["LOOK_NOT_FOUND"]


async def test_admins_follow_everybodys_jobs(house: House) -> None:
    admin, one, two = await house.user(role=Role.ADMIN), await house.user(), await house.user()
    before = await house.create(one)

    async with opened(house, admin) as socket:
        await socket.subscribe(EVERYBODYS)
        first = await socket.data()
        created = await house.create(two)
        second = await socket.data()
        await cancel(house, one, before)
        third = await socket.data()

    assert first == {"id": before, "status": "PENDING", "user": {"email": one.email}}
    assert second == {"id": created, "status": "PENDING", "user": {"email": two.email}}
    assert third == {"id": before, "status": "CANCELLED", "user": {"email": one.email}}


async def test_each_kind_of_stream_counts(house: House, settings: Settings, database: Database) -> None:
    admin = await house.user(role=Role.ADMIN)
    job_id, look_id = await house.create(admin), str((await house.look(admin)).id)
    narrow = settings.model_copy(update={"streams_per_user": 1})
    kinds = (JOB, LOGS, JOBS, DELETIONS, EVERYBODYS, LOOK)
    async with serving(narrow, database) as url, Socket.opened(url, house.headers(admin)) as socket:
        await socket.subscribe(JOB, "held", id=job_id)
        await socket.data()
        codes = []
        for number, query in enumerate(kinds):
            await socket.subscribe(query, str(number), id=look_id if query is LOOK else job_id)
            async with asyncio.timeout(10):
                while (message := await socket.receive()).get("id") != str(number) or message["type"] == "complete":
                    pass
            codes.append("TOO_MANY_STREAMS" in json.dumps(message))

    assert codes == [True] * len(kinds)


async def _until(socket: Any, wanted: Any) -> dict[str, Any]:
    """Receive until what is shown is as wanted; what has changed several times may be told once."""
    while True:
        seen: dict[str, Any] = await socket.data()
        if wanted(seen):
            return seen
