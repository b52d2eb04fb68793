"""What is refused before a real video costs anything, over both wires."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx
import pytest

from app.worker import open_worker_context
from auth.caller import Caller
from db.tables import FileRemoval
from media.images import verified_image
from providers.cloudinary import storage
from providers.cloudinary.storage import CloudinaryStorage
from resolvers import look_images
from resolvers.errors import ImagesNotStored
from resolvers.look_images import LookInput, ProductInput
from tests.house import eventually
from tests.worker.studio import (
    CHARGED,
    FRAMES,
    JPEG,
    LITE,
    PNG,
    REFERENCES,
    File,
    Said,
    Studio,
    WireName,
    picture,
    wires,
)
from tests.workers import all_are_due
from worker.housekeeping import remove_files

FAST = {"model": "veo-3.1-fast-generate-preview"}
IMPOSSIBLE: list[tuple[dict[str, Any], Sequence[File], str]] = [
    (
        {"resolution": "1080p", "durationSeconds": "4"},
        (),
        "With 1080p, veo-3.1-generate-preview makes videos of 8 seconds only",
    ),
    (
        FAST | {"resolution": "1080p", "durationSeconds": "4", "aspectRatio": "9:16"},
        (("initialImage", JPEG),),
        "With 1080p, veo-3.1-fast-generate-preview makes videos of 8 seconds only",
    ),
    ({}, (("endFrame", PNG),), "An 'endFrame' needs an 'initialImage'"),
    ({"durationSeconds": "4"}, FRAMES, "A video with an 'endFrame' has 8 seconds"),
    (
        {},
        (("initialImage", JPEG), *REFERENCES),
        "'referenceImages' do not go together with 'initialImage' or 'endFrame'",
    ),
    ({"durationSeconds": "4"}, REFERENCES, "A video with 'referenceImages' has 8 seconds"),
    ({"model": LITE}, REFERENCES[:1], f"{LITE} takes no 'referenceImages'"),
]


@wires
@pytest.mark.parametrize(("fields", "files", "message"), IMPOSSIBLE, ids=[message for *_, message in IMPOSSIBLE])
async def test_what_veo_cannot_make_is_refused_for_real_videos_alone(
    studio: Studio, over: WireName, fields: dict[str, Any], files: Sequence[File], message: str
) -> None:
    caller = await studio.house.user()

    await is_refused(studio, caller, *files, over=over, message=message, **fields)

    as_a_mock = await studio.create(caller, *files, over=over, **fields | {"mockMode": "true"})
    assert as_a_mock.job is not None
    assert await studio.money(caller) == CHARGED


@wires
@pytest.mark.parametrize("mock_mode", ["true", "false"])
@pytest.mark.parametrize(
    ("fields", "files", "message"),
    [
        ({"prompt": None}, (), "Either 'prompt' or 'initialImage' is required"),
        ({"prompt": None}, REFERENCES, "Either 'prompt' or 'initialImage' is required"),
        ({}, (*REFERENCES, REFERENCES[0]), "At most 3 reference images are taken"),
        ({"durationSeconds": "6"}, (), "Duration must be 4 or 8 seconds"),
    ],
)
async def test_some_things_are_refused_for_mock_videos_too(  # noqa: PLR0913 - a table of what is asked and answered
    studio: Studio, over: WireName, fields: dict[str, Any], files: Sequence[File], message: str, *, mock_mode: str
) -> None:
    caller = await studio.house.user()

    await is_refused(studio, caller, *files, over=over, message=message, mockMode=mock_mode, **fields)


NO_IMAGES = {
    "text": (b"I am no picture.", "is not an image (JPEG, PNG, WebP or AVIF)"),
    "GIF": (picture("GIF"), "must be a JPEG, PNG, WebP or AVIF image"),
    "half a JPEG": (JPEG[: len(JPEG) // 2], "is not an image (JPEG, PNG, WebP or AVIF)"),
    "a JPEG without its end": (JPEG[:-2], "is not an image (JPEG, PNG, WebP or AVIF)"),
    "a PNG cut off": (PNG[:-20], "is not an image (JPEG, PNG, WebP or AVIF)"),
}


@wires
@pytest.mark.parametrize("name", ["initialImage", "endFrame", "referenceImages"])
@pytest.mark.parametrize("kind", NO_IMAGES)
async def test_a_file_that_is_no_picture_is_refused(studio: Studio, over: WireName, name: str, kind: str) -> None:
    caller = await studio.house.user()
    data, complaint = NO_IMAGES[kind]
    others = [("initialImage", JPEG)] if name == "endFrame" else []

    place = "referenceImages.0" if name == "referenceImages" else name
    await is_refused(studio, caller, *others, (name, data), over=over, message=f"{place} {complaint}")


async def is_refused(studio: Studio, caller: Caller, *files: File, over: WireName, message: str, **fields: Any) -> None:
    before = await studio.traces(caller)

    said = await studio.create(caller, *files, over=over, **fields)

    assert said == Said(400 if over == "rest" else 200, code="INVALID_INPUT", message=message)
    assert await studio.traces(caller) == before
    assert await studio.rows(FileRemoval) == 0
    assert (studio.cloudinary.uploads, studio.veo.submits) == ([], [])


@wires
@pytest.mark.parametrize("kept", [0, 1])
async def test_images_that_cannot_be_stored_cost_nothing(studio: Studio, over: WireName, kept: int) -> None:
    caller = await studio.house.user()
    before = await studio.traces(caller)
    answers: list[Any] = ["drop after"] if kept else ["HTML"]
    studio.cloudinary.faults.extend(answers)

    said = await studio.create(caller, *FRAMES, over=over)

    assert said == Said(
        503 if over == "rest" else 200,
        code="IMAGES_NOT_STORED",
        message="The images could not be stored at the moment. Nothing was charged. Please try again.",
    )
    assert await studio.traces(caller) == before
    assert len(studio.cloudinary.uploads) == kept
    assert (await studio.rows(FileRemoval), await studio.due_removals()) == (2, 0)
    await all_are_due(studio.house)
    async with studio.working():
        await eventually(lambda: studio.rows(FileRemoval), lambda rows: rows == 0)
    assert (studio.cloudinary.files, len(studio.cloudinary.destroyed)) == ({}, kept)


@wires
async def test_without_tokens_no_image_is_stored(studio: Studio, over: WireName) -> None:
    caller = await studio.house.user(tokens=49)
    before = await studio.traces(caller)

    said = await studio.create(caller, *FRAMES, over=over)

    assert (said.status, said.code) == (402 if over == "rest" else 200, "INSUFFICIENT_TOKENS")
    assert await studio.traces(caller) == before
    assert (studio.cloudinary.uploads, await studio.rows(FileRemoval)) == ([], 0)


async def test_an_image_that_arrives_after_its_request_was_refused_is_removed(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "TIMEOUT", httpx.Timeout(0.3))
    slow = CloudinaryStorage(studio.cloudinary.cloudinary_url)
    look = LookInput(verified_image(PNG), [ProductInput(name="Coat", thumbnail=verified_image(PNG))])
    studio.cloudinary.answering.clear()
    with pytest.raises(ImagesNotStored):
        await look_images.create(studio.house.database, slow, await studio.house.user(), look)
    await slow.aclose()

    async with open_worker_context(studio.house.settings, studio.house.database) as working:
        await remove_files(working)
        studio.cloudinary.answering.set()
        await eventually(arrived(studio), lambda files: files == 1)
        await all_are_due(studio.house)
        await remove_files(working)

    assert (studio.cloudinary.files, len(studio.cloudinary.destroyed)) == ({}, 1)
    assert await studio.rows(FileRemoval) == 0


def arrived(studio: Studio) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        return len(studio.cloudinary.files)

    return count
