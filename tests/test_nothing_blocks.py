"""No code of ours makes the event loop wait: not for a file, a lock or a sleep, from a request to its video."""

import base64
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from blockbuster import BlockingError, blockbuster_ctx

import app
import auth
import db
import graphql_server
import providers
import resolvers
import rest_compat
import schema
import worker
from auth.caller import Caller
from db.enums import VideoJobStatus
from resolvers import video_jobs
from resolvers.errors import VideoJobNotFound
from tests.house import FORM, House, multipart
from tests.worker.studio import picture
from tests.workers import at_work

OURS: list[str | ModuleType] = [app, auth, db, graphql_server, providers, resolvers, rest_compat, schema, worker]
LOOKS = "{ looks { nodes { title products { thumbnailUrl } videos { cloudinaryUrl } defaultThumbnailUrl } } }"


@pytest.fixture
def _watched() -> Iterator[None]:
    with blockbuster_ctx(OURS) as watched:
        # To open a connection, the driver looks for a file with passwords.
        watched.functions["os.stat"].can_block_in("asyncpg/connect_utils.py", "_read_password_file")
        yield


async def look_of(house: House, caller: Caller) -> dict[str, Any]:
    image = base64.b64encode(picture("PNG")).decode()
    body = {"generatedImageBase64": image, "products": [{"name": "Linen shirt", "thumbnailBase64": image}]}
    answer = await house.http.post("/api/v1/looks", json=body, headers=house.headers(caller))
    assert answer.status_code == 201, answer.text
    look: dict[str, Any] = answer.json()
    return look


@pytest.mark.usefixtures("_watched")
async def test_from_a_request_to_its_video(house: House) -> None:
    caller = await house.user(tokens=1000)
    headers, look = house.headers(caller), await look_of(house, caller)

    async with at_work(house.settings, house.database):
        form: list[Any] = [
            *multipart(FORM | {"lookId": look["id"]}),
            ("initialImage", ("look.png", picture("PNG"), "image/png")),
        ]
        answer = await house.http.post("/api/v1/video-jobs", files=form, headers=headers)
        assert answer.status_code == 202, answer.text
        path = f"/api/v1/video-jobs/{answer.json()['id']}"
        events = await house.http.get(f"{path}/events", headers=headers)
        polled = await house.http.get(path, headers=headers)
        video = await house.http.get(f"{path}/download", headers=headers, follow_redirects=True)
    shown = await house.graphql(caller, LOOKS)

    assert "event: job" in events.text or "SUCCEEDED" in events.text
    assert polled.json()["status"] == VideoJobStatus.SUCCEEDED
    assert (video.status_code, video.headers["Content-Type"]) == (200, "video/mp4")
    assert len(shown["data"]["looks"]["nodes"][0]["videos"]) == 1

    assert (await house.http.delete(path, headers=headers)).status_code == 204
    assert (await house.http.delete(f"/api/v1/looks/{look['id']}", headers=headers)).status_code == 204


@pytest.mark.usefixtures("_watched")
async def test_what_blocks_is_noticed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    noticed: list[BlockingError] = []

    async def slow(*_: object) -> None:
        try:
            exec(compile("time.sleep(0)", video_jobs.__file__, "exec"), {"time": time})  # noqa: S102 - as if it stood there
        except BlockingError as error:
            noticed.append(error)
        raise VideoJobNotFound

    monkeypatch.setattr(video_jobs, "read", slow)

    assert (await house.graphql(caller, f'{{ videoJob(id: "{job_id}") {{ id }} }}'))["data"] == {"videoJob": None}
    assert len(noticed) == 1
