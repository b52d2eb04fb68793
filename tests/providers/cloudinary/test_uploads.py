"""Files at Cloudinary: real requests, signed by the real SDK, to a double that checks them for itself."""

import asyncio
import io
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cloudinary.utils import cloudinary_url  # type: ignore[import-untyped]

from providers.cloudinary.storage import CloudinaryStorage
from tests.doubles.cloudinary import CloudinaryDouble
from tests.house import eventually
from tests.providers.cloudinary.asking import JOB_ID, PUBLIC_ID
from tests.providers.kept import OTHER_VIDEO, VIDEO, picture


async def test_a_video_is_uploaded_under_its_job(storage: CloudinaryStorage, double: CloudinaryDouble) -> None:
    stored = await storage.store(JOB_ID, VIDEO)

    [upload] = double.uploads
    assert (upload.resource_type, upload.public_id, upload.extension) == ("video", PUBLIC_ID, "mp4")
    assert upload.path.read_bytes() == VIDEO.read_bytes()
    [parameters] = double.parameters
    assert parameters.keys() == {"public_id", "overwrite", "invalidate", "eager", "timestamp", "signature", "api_key"}
    assert (parameters["overwrite"], parameters["invalidate"]) == ("true", "true")
    assert stored.url == f"{double.url}/demo/video/upload/v{upload.version}/{PUBLIC_ID}.mp4"


async def test_the_poster_is_where_the_sdk_says(storage: CloudinaryStorage, double: CloudinaryDouble) -> None:
    stored = await storage.store(JOB_ID, VIDEO)

    built, _ = cloudinary_url(
        PUBLIC_ID,
        resource_type="video",
        cloud_name="demo",
        secure=True,
        format="jpg",
        start_offset="auto",
        version=double.uploads[0].version,
    )
    assert stored.poster_url.replace(double.url, "https://res.cloudinary.com") == built


async def test_the_poster_is_made_with_the_upload(storage: CloudinaryStorage, double: CloudinaryDouble) -> None:
    stored = await storage.store(JOB_ID, VIDEO)
    await storage.store_image("look-0", picture())

    of_video, of_image = double.parameters
    transformation, _, extension = of_video["eager"].partition("/")
    assert stored.poster_url.endswith(f"/{transformation}/v{double.uploads[0].version}/{PUBLIC_ID}.{extension}")
    assert "eager" not in of_image


async def test_storing_again_overwrites(storage: CloudinaryStorage, double: CloudinaryDouble) -> None:
    before = await storage.store(JOB_ID, VIDEO)
    after = await storage.store(JOB_ID, OTHER_VIDEO)

    assert double.uploads_of(PUBLIC_ID) == 2
    assert list(double.files) == [("video", PUBLIC_ID)]
    assert double.files["video", PUBLIC_ID].path.read_bytes() == OTHER_VIDEO.read_bytes()
    assert before.url != after.url  # so that no cache shows the old one


async def test_an_image_is_uploaded_under_its_name(storage: CloudinaryStorage, double: CloudinaryDouble) -> None:
    address = await storage.store_image("look-0", picture())

    [upload] = double.uploads
    assert (upload.resource_type, upload.public_id, upload.extension) == ("image", "lookreel/look-0", "png")
    assert address == f"{double.url}/demo/image/upload/v{upload.version}/lookreel/look-0.png"


async def test_deleting_destroys_the_original_for_all_caches(
    storage: CloudinaryStorage, double: CloudinaryDouble
) -> None:
    stored = await storage.store(JOB_ID, VIDEO)
    image = await storage.store_image("look", picture())

    for address in (stored.poster_url, stored.url, stored.url, storage.address_of_video(JOB_ID), image):
        await storage.delete(address)

    assert double.destroyed == [("video", PUBLIC_ID), ("image", "lookreel/look")]
    assert double.files == {}
    asked = [parameters for parameters in double.parameters if "overwrite" not in parameters]
    assert [(parameters["public_id"], parameters["invalidate"]) for parameters in asked] == [
        *[(PUBLIC_ID, "true")] * 3,
        ("lookreel/look", "true"),
    ]


async def test_a_video_is_read_from_the_disk_while_it_is_sent(
    storage: CloudinaryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    request = httpx.AsyncClient.request

    async def watched(self: httpx.AsyncClient, *args: Any, **kwargs: Any) -> httpx.Response:
        sent.append(kwargs["files"]["file"][1])
        assert not sent[-1].closed
        return await request(self, *args, **kwargs)

    monkeypatch.setattr(httpx.AsyncClient, "request", watched)

    await storage.store(JOB_ID, VIDEO)

    # httpx reads from an open file in pieces of 64 kB; bytes, it would have had to be given at once.
    [file] = sent
    assert isinstance(file, io.BufferedReader)
    assert file.name == str(VIDEO)
    assert file.closed


async def test_four_uploads_go_on_at_once(storage: CloudinaryStorage, double: CloudinaryDouble) -> None:
    double.answering.clear()
    uploading = asyncio.gather(
        *(storage.store(uuid4(), VIDEO) for _ in range(6)),
        *(storage.store_image(f"look-{number}", picture()) for number in range(6)),
    )

    async def count() -> int:
        return double.uploading

    assert await eventually(count, lambda uploads: uploads == 4, seconds=10) == 4
    double.answering.set()
    await uploading

    assert double.most_uploading == 4
    assert len(double.uploads) == 12


async def test_uploads_that_were_broken_off_make_room(storage: CloudinaryStorage, double: CloudinaryDouble) -> None:
    double.answering.clear()
    uploads = [asyncio.create_task(storage.store(uuid4(), VIDEO)) for _ in range(4)]

    async def count() -> int:
        return double.uploading

    await eventually(count, lambda uploads: uploads == 4, seconds=10)
    for upload in uploads:
        upload.cancel()
    await asyncio.gather(*uploads, return_exceptions=True)
    double.answering.set()

    await storage.store(JOB_ID, VIDEO)

    assert double.uploads_of(PUBLIC_ID) == 1
