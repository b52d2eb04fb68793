"""REST_TIMEOUT_SECONDS is for what the server does: not for slow lines, for waits that were asked for, or for files."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from app.settings import Settings
from media.images import Image
from providers.local_disk.storage import LocalStorage
from resolvers import looks, video_jobs
from tests.house import FORM, House, eventually, multipart
from tests.inspected import InspectedDatabase
from tests.rest_compat.event_stream import following
from tests.rest_compat.test_video_job_events import STEPS, step
from tests.servers import serving
from tests.worker.studio import picture

LIMIT = 1.0
LONGER = 2 * LIMIT
PNG = base64.b64encode(picture("PNG")).decode()


@pytest.fixture
async def hasty(settings: Settings, database: InspectedDatabase) -> AsyncIterator[House]:
    """An API whose requests may take a second."""
    settings = settings.model_copy(update={"rest_timeout_seconds": LIMIT})
    async with serving(settings, database) as base_url, House.opened(settings, database, base_url) as hasty:
        yield hasty


def slowed(work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def slow(*arguments: Any, **more: Any) -> Any:
        await asyncio.sleep(LONGER)
        return await work(*arguments, **more)

    return slow


@pytest.mark.parametrize("headers", [{}, {"If-None-Match": "*"}])
async def test_a_request_that_takes_too_long_is_broken_off(
    house: House, hasty: House, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    for name in ("read", "in_brief"):
        monkeypatch.setattr(video_jobs, name, slowed(getattr(video_jobs, name)))

    answer = await hasty.http.get(f"/api/v1/video-jobs/{job_id}", headers=hasty.headers(caller) | headers)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json() == {
        "detail": "The request took too long and was broken off. Please try again.",
        "code": "REQUEST_TIMED_OUT",
        "requestId": answer.headers["X-Request-ID"],
    }


async def test_what_is_broken_off_is_rolled_back(house: House, hasty: House, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = await house.user()
    look = await house.look(caller)
    # After the look was changed, and before the transaction ends.
    monkeypatch.setattr(looks, "products_by_look", slowed(looks.products_by_look))
    path = f"/api/v1/looks/{look.id}"

    answer = await hasty.http.patch(path, json={"title": "Another"}, headers=hasty.headers(caller))
    monkeypatch.undo()
    after = await hasty.http.get(path, headers=hasty.headers(caller))

    assert (answer.status_code, answer.json()["code"]) == (503, "REQUEST_TIMED_OUT")
    assert after.json()["title"] == look.title
    assert (await hasty.http.patch(path, json={"title": "Another"}, headers=hasty.headers(caller))).status_code == 200


async def test_a_slow_line_is_waited_for(house: House, hasty: House) -> None:
    caller = await house.user()
    look = await house.look(caller)
    body = json.dumps({"title": "Another"}).encode()

    async def slowly() -> AsyncIterator[bytes]:
        for byte in body:
            yield bytes([byte])
            await asyncio.sleep(LONGER / len(body))

    headers = hasty.headers(caller) | {"Content-Type": "application/json"}
    answer = await hasty.http.patch(f"/api/v1/looks/{look.id}", content=slowly(), headers=headers)

    assert (answer.status_code, answer.json()["title"]) == (200, "Another")


async def test_a_long_poll_waits_as_long_as_it_was_asked_to(house: House, hasty: House) -> None:
    caller = await house.user()
    path, headers = f"/api/v1/video-jobs/{await house.create(caller)}", hasty.headers(caller)
    # The first request of an API, which opens its connections, may take longer than a second on a busy machine.
    read = await eventually(lambda: hasty.http.get(path, headers=headers), lambda answer: answer.status_code == 200)

    headers |= {"If-None-Match": read.headers["ETag"], "Prefer": "wait=2"}
    answer = await hasty.http.get(path, headers=headers)

    assert (answer.status_code, answer.headers["Preference-Applied"]) == (304, "wait=2")


async def test_a_stream_lasts(house: House, hasty: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)

    async with following(hasty, caller, job_id) as stream:
        await stream.until("status")
        await asyncio.sleep(LONGER)
        await step(hasty, job_id, *STEPS[-1])
        events = await stream.rest()

    assert events[-1].data["status"] == "CANCELLED"


async def with_a_file(house: House, headers: dict[str, str]) -> httpx.Response:
    form: list[Any] = [*multipart(FORM), ("initialImage", ("look.png", picture("PNG"), "image/png"))]
    return await house.http.post("/api/v1/video-jobs", files=form, headers=headers)


async def with_a_picture(house: House, headers: dict[str, str]) -> httpx.Response:
    body = {"generatedImageBase64": PNG, "products": [{"name": "Linen shirt", "thumbnailBase64": PNG}]}
    return await house.http.post("/api/v1/looks", json=body, headers=headers)


@pytest.mark.parametrize("send", [with_a_file, with_a_picture])
async def test_files_take_their_time(
    house: House, hasty: House, monkeypatch: pytest.MonkeyPatch, send: Callable[..., Awaitable[httpx.Response]]
) -> None:
    store = LocalStorage.store_image

    async def slow(storage: LocalStorage, name: str, image: Image) -> str:
        await asyncio.sleep(LONGER)
        return await store(storage, name, image)

    monkeypatch.setattr(LocalStorage, "store_image", slow)

    answer = await send(hasty, hasty.headers(await house.user()))

    assert answer.status_code in {201, 202}, answer.text
