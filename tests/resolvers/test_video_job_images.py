"""The images that a video is made from: what is taken, where they go, and when they go away."""

import tempfile
from pathlib import Path
from typing import Any

import pytest

from db.tables import FileRemoval
from tests.house import FORM, House, multipart
from tests.schema.mutate import png
from tests.worker.studio import over_graphql, over_rest
from tests.workers import files_are_removed

PATH = "/api/v1/video-jobs"


def form(**files: bytes) -> list[tuple[str, Any]]:
    return [*multipart(FORM), *((name, ("file.png", data, "image/png")) for name, data in files.items())]


async def create(house: House, caller: Any, key: str | None = None, **files: bytes) -> Any:
    headers = house.headers(caller) | ({"Idempotency-Key": key} if key else {})
    return await house.http.post(PATH, files=form(**files), headers=headers)


async def test_a_deleted_job_takes_its_video_poster_and_images_along(house: House, working: None) -> None:  # noqa: ARG001 - runs a worker
    caller = await house.user()
    job_id = (await create(house, caller, initialImage=png("red"))).json()["id"]
    await house.finished(job_id)
    job = (await house.http.get(f"{PATH}/{job_id}", headers=house.headers(caller))).json()
    urls = [job["cloudinaryUrl"], job["thumbnailUrl"]]
    there = [(await house.http.get(url)).status_code for url in urls]

    await house.http.delete(f"{PATH}/{job_id}", headers=house.headers(caller))
    await files_are_removed(house)

    assert there == [200, 200]
    assert [(await house.http.get(url)).status_code for url in urls] == [404, 404]


async def test_a_repeated_request_with_the_same_images_is_a_replay_and_with_others_is_refused(house: House) -> None:
    caller = await house.user()
    first = await create(house, caller, "key", initialImage=png("red"))
    files = sorted(house.settings.media_folder.iterdir())

    again = await create(house, caller, "key", initialImage=png("red"))
    other = await create(house, caller, "key", initialImage=png("blue"))

    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert sorted(house.settings.media_folder.iterdir()) == files
    assert await house.charges(caller) == 1


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"<html>", "initialImage is not an image (JPEG, PNG, WebP or AVIF)"),
        (png("red")[:-20], "initialImage is not an image (JPEG, PNG, WebP or AVIF)"),
        (b"GIF89a\x01\x00\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;", None),
        (b"\x89PNG" + b"0" * 21 * 1024 * 1024, "initialImage is larger than 20 MB"),
    ],
)
async def test_what_is_no_picture_is_refused(house: House, data: bytes, sentence: str | None) -> None:
    caller = await house.user()
    before, files = await house.traces(caller), sorted(house.settings.media_folder.iterdir())

    answer = await create(house, caller, initialImage=data)

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
    assert answer.json()["detail"] == (sentence or "initialImage must be a JPEG, PNG, WebP or AVIF image")
    assert await house.traces(caller) == before
    assert sorted(house.settings.media_folder.iterdir()) == files
    assert await house.count(table=FileRemoval) == 0


async def test_a_request_refused_for_its_balance_stores_nothing(house: House) -> None:
    caller = await house.user(tokens=20)
    files = sorted(house.settings.media_folder.iterdir())

    answer = await create(house, caller, initialImage=png("red"))

    assert answer.status_code == 402
    assert sorted(house.settings.media_folder.iterdir()) == files
    assert await house.count(table=FileRemoval) == 0


@pytest.mark.parametrize(
    ("megabytes", "over", "status"), [(0, over_rest, 503), (0, over_graphql, 200), (2, over_rest, 503)]
)
async def test_a_disk_without_room_for_an_upload_is_none_of_the_clients_mistakes(
    house: House, monkeypatch: pytest.MonkeyPatch, megabytes: int, over: Any, status: int
) -> None:
    caller = await house.user()
    before, files = await house.traces(caller), sorted(house.settings.media_folder.iterdir())
    # Uploads of more than a megabyte go to the disk while they are parsed.
    image = png("red") + bytes(megabytes * 1024**2)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Path("/dev/full").open("r+b"))  # noqa: SIM115 - as the real one

    said = await over(house, caller, [("initialImage", image)], FORM)

    assert (said.status, said.code, said.job) == (status, "IMAGES_NOT_STORED", None)
    assert await house.traces(caller) == before
    assert sorted(house.settings.media_folder.iterdir()) == files
    assert await house.count(table=FileRemoval) == 0
