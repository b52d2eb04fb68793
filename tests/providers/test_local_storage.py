"""Files of the local storage: whole, in one folder, and removed only by paths that the storage gave out."""

import asyncio
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import PIL.Image
import pytest

from providers.local_storage import LocalStorage
from resolvers.images import Image, checked_image
from resolvers.ports import ImageStorage, VideoStorage


def picture(shade: int = 0, kind: str = "PNG") -> Image:
    target = BytesIO()
    PIL.Image.new("L", (300, 300), shade).save(target, kind)
    return checked_image(target.getvalue(), field="image")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Not there yet: whoever stores first makes it."""
    return tmp_path / "data" / "media"


@pytest.fixture
def storage(folder: Path) -> LocalStorage:
    return LocalStorage(folder)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


def test_it_fits_the_ports(storage: LocalStorage) -> None:
    ports: tuple[VideoStorage, ImageStorage] = (storage, storage)  # mypy is the one who checks this

    assert ports


@pytest.mark.parametrize(("kind", "extension"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("GIF", "gif")])
async def test_an_image_is_stored_under_its_name_and_kind(
    storage: LocalStorage, folder: Path, kind: str, extension: str
) -> None:
    image = picture(kind=kind)
    name = f"{uuid4()}-product-0"

    assert await storage.store_image(name, image) == f"/media/{name}.{extension}"
    assert names(folder) == [f"{name}.{extension}"]
    assert (folder / f"{name}.{extension}").read_bytes() == image.data


async def test_a_video_is_stored_under_its_job(storage: LocalStorage, folder: Path, tmp_path: Path) -> None:
    video_job_id = uuid4()
    video = tmp_path / "made.mp4"
    video.write_bytes(b"frames")

    assert await storage.store(video_job_id, video) == f"/media/{video_job_id}.mp4"
    assert names(folder) == [f"{video_job_id}.mp4"]
    assert video.exists()


async def test_a_later_image_replaces_an_earlier_one(storage: LocalStorage, folder: Path) -> None:
    await storage.store_image("look", picture(1))
    await storage.store_image("look", picture(2))

    assert names(folder) == ["look.png"]
    assert (folder / "look.png").read_bytes() == picture(2).data


async def test_many_stores_at_once_leave_whole_files_and_no_others(storage: LocalStorage, folder: Path) -> None:
    same = [picture(shade) for shade in range(20)]

    await asyncio.gather(
        *(storage.store_image("same", image) for image in same),
        *(storage.store_image(f"own-{number}", image) for number, image in enumerate(same)),
    )

    assert names(folder) == sorted(["same.png", *(f"own-{number}.png" for number in range(20))])
    assert (folder / "same.png").read_bytes() in [image.data for image in same]
    assert [(folder / f"own-{number}.png").read_bytes() for number in range(20)] == [image.data for image in same]


async def test_a_write_that_fails_leaves_nothing(storage: LocalStorage, folder: Path) -> None:
    (folder / "look.png").mkdir(parents=True)

    with pytest.raises(OSError, match=r"look\.png"):
        await storage.store_image("look", picture())

    assert names(folder) == ["look.png"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../look",
        "a/b",
        "/etc/look",
        "a\\b",
        "look.html",
        "look.php.",
        "look\n",
        "look\x00",
        "lo ok",
        "löok",
    ],
)
async def test_other_names_are_refused(storage: LocalStorage, folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match="Not a name for an image"):
        await storage.store_image(name, picture())

    assert names(folder) == []


@pytest.mark.parametrize("extension", ["", "svg", "html", "png/../../x", "png\n"])
async def test_other_extensions_are_refused(storage: LocalStorage, folder: Path, extension: str) -> None:
    with pytest.raises(ValueError, match="Not a name for an image"):
        await storage.store_image("look", Image(b"<svg/>", "image/svg+xml", extension))

    assert names(folder) == []


async def test_what_was_stored_can_be_deleted_once_or_twice(
    storage: LocalStorage, folder: Path, tmp_path: Path
) -> None:
    video = tmp_path / "made.mp4"
    video.write_bytes(b"frames")
    stored = [await storage.store_image("look", picture()), await storage.store(uuid4(), video)]
    await storage.store_image("other", picture())

    for url in [*stored, *stored]:
        await storage.delete(url)

    assert names(folder) == ["other.png"]


async def test_deleting_before_anything_was_stored_is_fine(storage: LocalStorage, folder: Path) -> None:
    await storage.delete("/media/look.png")

    assert names(folder) == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/",
        "/media/",
        "/media/..",
        "look.png",
        "media/look.png",
        "//media/look.png",
        "/media//look.png",
        "/media/../media/look.png",
        "/media/look.png?x",
        "/media/look.png\n",
        "/media/look.png\x00",
        "/media/shared_look.svg",
        "/media/../secret.png",
        "/media/%2e%2e/secret.png",
        "/media/..\\secret.png",
        "/media/sub/../../secret.png",
        "../secret.png",
        "/secret.png",
        "https://example.com/media/look.png",
        "file:///media/look.png",
    ],
)
async def test_any_other_address_deletes_nothing(storage: LocalStorage, folder: Path, url: str) -> None:
    await storage.store_image("look", picture())
    (folder / "shared_look.svg").write_text("<svg/>")
    (folder.parent / "secret.png").write_bytes(b"secret")

    await storage.delete(url)
    await storage.delete(str(folder.parent / "secret.png"))

    assert names(folder) == ["look.png", "shared_look.svg"]
    assert (folder.parent / "secret.png").exists()
