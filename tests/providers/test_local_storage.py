"""Files of the local storage: whole, in one folder, and removed only by paths that the storage gave out."""

import asyncio
import os
import time
from pathlib import Path
from uuid import uuid4

import pytest

from media.images import Image, verified_image
from media.videos import poster
from providers.local_disk.storage import LocalStorage
from providers.mock.videos import mock_video
from resolvers.ports import FileMissing, Storage, StorageRefused, StorageUnavailable, StoredVideo
from tests.providers.kept import picture

VIDEO = mock_video("720p", "16:9", 4, audio=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Not there yet: whoever stores first makes it."""
    return tmp_path / "data" / "media"


@pytest.fixture
def storage(folder: Path) -> LocalStorage:
    return LocalStorage(folder, poster)


@pytest.fixture
def storage_without_folder(tmp_path: Path) -> LocalStorage:
    """Where its folder should be, there is a file."""
    (tmp_path / "media").write_text("not a folder")
    return LocalStorage(tmp_path / "media", poster)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


def test_it_fits_the_ports(storage: LocalStorage) -> None:
    port: Storage = storage  # mypy is the one who checks this

    assert port


@pytest.mark.parametrize(("kind", "extension"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("GIF", "gif")])
async def test_an_image_is_stored_under_its_name_and_kind(
    storage: LocalStorage, folder: Path, kind: str, extension: str
) -> None:
    image = picture(kind=kind)
    name = f"{uuid4()}-product-0"

    assert await storage.store_image(name, image) == f"/media/{name}.{extension}"
    assert names(folder) == [f"{name}.{extension}"]
    assert (folder / f"{name}.{extension}").read_bytes() == image.data


async def test_a_video_is_stored_under_its_job_with_a_poster(storage: LocalStorage, folder: Path) -> None:
    video_job_id = uuid4()
    before = VIDEO.read_bytes()

    stored = await storage.store(video_job_id, VIDEO)

    assert stored == StoredVideo(f"/media/{video_job_id}.mp4", f"/media/{video_job_id}-poster.jpg")
    assert names(folder) == sorted([f"{video_job_id}.mp4", f"{video_job_id}-poster.jpg"])
    assert (folder / f"{video_job_id}.mp4").read_bytes() == VIDEO.read_bytes() == before
    assert verified_image((folder / f"{video_job_id}-poster.jpg").read_bytes()).extension == "jpg"


async def test_what_is_no_video_is_refused(storage: LocalStorage, folder: Path, tmp_path: Path) -> None:
    video = tmp_path / "made.mp4"
    video.write_bytes(b"<html>")

    with pytest.raises(StorageRefused, match="not a video that can be shown"):
        await storage.store(uuid4(), video)

    assert names(folder) == []


async def test_a_video_that_has_gone_is_no_refusal(storage: LocalStorage, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="No such file"):
        await storage.store(uuid4(), tmp_path / "gone.mp4")

    assert names(folder) == []


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

    with pytest.raises(StorageUnavailable, match=r"^The media folder cannot be used: .*look\.png"):
        await storage.store_image("look", picture())

    assert names(folder) == ["look.png"]


async def test_a_folder_that_cannot_be_used_is_unavailable(storage_without_folder: LocalStorage) -> None:
    for doing in (
        storage_without_folder.store(uuid4(), VIDEO),
        storage_without_folder.store_image("look", picture()),
        storage_without_folder.read_image("/media/look.png"),
        storage_without_folder.delete("/media/look.png"),
    ):
        with pytest.raises(StorageUnavailable, match=r"^The media folder cannot be used: "):
            await doing


@pytest.mark.parametrize("step", ["write_bytes", "replace"])
async def test_a_full_disk_is_unavailable_and_leaves_nothing(
    storage: LocalStorage, folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, step, full)

    for doing in (storage.store(uuid4(), VIDEO), storage.store_image("look", picture())):
        with pytest.raises(StorageUnavailable, match="No space left on device"):
            await doing

    assert names(folder) == []


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


async def test_what_was_stored_can_be_deleted_once_or_twice(storage: LocalStorage, folder: Path) -> None:
    stored = [await storage.store_image("look", picture()), (await storage.store(uuid4(), VIDEO)).url]
    await storage.store_image("other", picture())

    for url in [*stored, *stored]:
        await storage.delete(url)

    assert names(folder) == ["other.png"]


async def test_addresses_are_known_beforehand(storage: LocalStorage, folder: Path) -> None:
    video_job_id = uuid4()
    image = picture(kind="JPEG")

    assert storage.address_of_video(video_job_id) == (await storage.store(video_job_id, VIDEO)).url
    assert storage.address_of_image("look", "jpg") == await storage.store_image("look", image) == "/media/look.jpg"
    with pytest.raises(ValueError, match="Not a name for an image"):
        storage.address_of_image("../look", "jpg")
    assert len(names(folder)) == 3


async def test_a_stored_image_can_be_read_until_it_has_gone(storage: LocalStorage) -> None:
    image = picture(7)
    address = await storage.store_image("look", image)

    assert await storage.read_image(address) == image.data

    await storage.delete(address)
    with pytest.raises(FileMissing, match=r"^There is no file look\.png$"):
        await storage.read_image(address)


async def test_what_writes_left_is_pruned_once_it_is_old(storage: LocalStorage, folder: Path) -> None:
    await storage.prune(0)  # before there is a folder

    await storage.store_image("look", picture())
    old = [f".{uuid4()}.mp4.{uuid4().hex}", f".look-0.png.{uuid4().hex}"]
    kept = [f".new.mp4.{uuid4().hex}", ".look.png", ".hidden", f"look.png.{uuid4().hex}", "look.mp4"]
    for name in [*old, *kept]:
        (folder / name).write_bytes(b"part")
    for name in [*old, *kept[1:], "look.png"]:
        os.utime(folder / name, times=(time.time() - 4000, time.time() - 4000))

    await storage.prune(3600)
    assert names(folder) == sorted([*kept, "look.png"])


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
async def test_any_other_address_is_not_ours(storage: LocalStorage, folder: Path, url: str) -> None:
    await storage.store_image("look", picture())
    (folder / "shared_look.svg").write_text("<svg/>")
    (folder.parent / "secret.png").write_bytes(b"secret")

    assert not storage.keeps(url)
    with pytest.raises(FileMissing, match="is no address of the local storage"):
        await storage.read_image(url)
    await storage.delete(url)
    await storage.delete(str(folder.parent / "secret.png"))

    assert names(folder) == ["look.png", "shared_look.svg"]
    assert (folder.parent / "secret.png").exists()
