"""What every storage does, whatever is behind it."""

import asyncio
import filecmp
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from media.images import verified_image
from media.videos import poster
from providers.cloudinary.storage import CloudinaryStorage
from providers.local_disk.storage import LocalStorage
from providers.storages import Storages
from providers.tls import trusted_certificates
from resolvers.ports import FileMissing, Storage, StorageUnavailable
from tests.doubles.cloudinary import CloudinaryDouble
from tests.providers.kept import OTHER_VIDEO, VIDEO, picture


@dataclass(frozen=True)
class Place:
    """A storage, and how a player or a browser sees what it keeps: None for what is not there."""

    storage: Storage
    fetch: Callable[[str], Awaitable[bytes | None]]


def on_disk(folder: Path) -> Callable[[str], Awaitable[bytes | None]]:
    async def fetch(address: str) -> bytes | None:
        path = folder / address.removeprefix("/media/")
        return await asyncio.to_thread(path.read_bytes) if await asyncio.to_thread(path.exists) else None

    return fetch


def over_http(double: CloudinaryDouble) -> Callable[[str], Awaitable[bytes | None]]:
    async def fetch(address: str) -> bytes | None:
        # Addresses that were made beforehand name Cloudinary's own host.
        here = address.replace("https://res.cloudinary.com", double.url)
        async with httpx.AsyncClient(verify=trusted_certificates()) as http:
            answer = await http.get(here)
        assert answer.status_code in (200, 404)
        return answer.content if answer.is_success else None

    return fetch


@pytest.fixture(params=["local", "cloudinary", "cloudinary, once local", "local, once cloudinary"])
async def place(request: pytest.FixtureRequest, tmp_path: Path, double: CloudinaryDouble) -> AsyncIterator[Place]:
    local, cloudinary = LocalStorage(tmp_path / "media", poster), CloudinaryStorage(double.cloudinary_url)
    on_the_disk, over_the_net = on_disk(tmp_path / "media"), over_http(double)
    places: dict[str, Place] = {
        "local": Place(local, on_the_disk),
        "cloudinary": Place(cloudinary, over_the_net),
        "cloudinary, once local": Place(Storages([cloudinary, local]), over_the_net),
        "local, once cloudinary": Place(Storages([local, cloudinary]), on_the_disk),
    }
    yield places[request.param]
    await cloudinary.aclose()


async def test_a_video_can_be_fetched_with_its_poster(place: Place) -> None:
    stored = await place.storage.store(uuid4(), VIDEO)

    assert await place.fetch(stored.url) == VIDEO.read_bytes()
    shown = await place.fetch(stored.poster_url)
    assert shown is not None
    assert verified_image(shown).media_type == "image/jpeg"
    assert stored.url.endswith(".mp4")
    assert stored.poster_url.endswith(".jpg")


async def test_a_later_video_of_the_same_job_takes_the_place_of_an_earlier_one(place: Place) -> None:
    video_job_id = uuid4()
    await place.storage.store(video_job_id, VIDEO)
    stored = await place.storage.store(video_job_id, OTHER_VIDEO)

    assert await place.fetch(stored.url) == OTHER_VIDEO.read_bytes()
    assert await place.fetch(place.storage.address_of_video(video_job_id)) == OTHER_VIDEO.read_bytes()


async def test_the_original_stays_where_it_was(place: Place, tmp_path: Path) -> None:
    original = Path(shutil.copy(VIDEO, tmp_path / "made.mp4"))

    await place.storage.store(uuid4(), original)

    assert filecmp.cmp(original, VIDEO, shallow=False)


async def test_a_video_that_has_gone_can_not_be_stored_now(place: Place, tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="No such file or directory"):
        await place.storage.store(uuid4(), tmp_path / "gone.mp4")


@pytest.mark.parametrize("beforehand", [False, True])
async def test_a_video_goes_with_its_poster(place: Place, *, beforehand: bool) -> None:
    video_job_id = uuid4()
    address = place.storage.address_of_video(video_job_id)
    stored = await place.storage.store(video_job_id, VIDEO)
    other = await place.storage.store(uuid4(), VIDEO)

    await place.storage.delete(address if beforehand else stored.url)

    assert await place.fetch(stored.url) is None
    assert await place.fetch(stored.poster_url) is None
    assert await place.fetch(other.url) == VIDEO.read_bytes()
    assert await place.fetch(other.poster_url) is not None


async def test_a_video_stays_without_its_poster(place: Place) -> None:
    stored = await place.storage.store(uuid4(), VIDEO)

    await place.storage.delete(stored.poster_url)

    assert await place.fetch(stored.url) == VIDEO.read_bytes()


@pytest.mark.parametrize(("kind", "extension"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("GIF", "gif")])
async def test_an_image_can_be_fetched_and_read(place: Place, kind: str, extension: str) -> None:
    image = picture(kind=kind)

    address = await place.storage.store_image("look-0", image)

    assert await place.fetch(address) == image.data
    assert await place.storage.read_image(address) == image.data
    assert address.endswith(f"look-0.{extension}")
    assert await place.fetch(place.storage.address_of_image("look-0", extension)) == image.data


async def test_a_later_image_takes_the_place_of_an_earlier_one(place: Place) -> None:
    await place.storage.store_image("look", picture(1))
    address = await place.storage.store_image("look", picture(2))

    assert await place.storage.read_image(address) == picture(2).data


@pytest.mark.parametrize("beforehand", [False, True])
async def test_an_image_goes_once_or_twice(place: Place, *, beforehand: bool) -> None:
    address = await place.storage.store_image("look", picture())
    other = await place.storage.store_image("other", picture())

    for _ in range(2):
        await place.storage.delete(place.storage.address_of_image("look", "png") if beforehand else address)

    with pytest.raises(FileMissing):
        await place.storage.read_image(address)
    assert await place.storage.read_image(other) == picture().data


async def test_what_was_never_there_can_be_deleted(place: Place) -> None:
    await place.storage.delete(place.storage.address_of_video(uuid4()))
    await place.storage.delete(place.storage.address_of_image("look", "png"))


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../look", "a/b", "a\\b", "look.php", "look\n", "lo ok", "löok", "a&b=c"]
)
async def test_other_names_for_images_are_refused(place: Place, name: str) -> None:
    with pytest.raises(ValueError, match=r"^Not a name for an image"):
        await place.storage.store_image(name, picture())
    with pytest.raises(ValueError, match=r"^Not a name for an image"):
        place.storage.address_of_image(name, "png")
    with pytest.raises(ValueError, match=r"^Not a name for an image"):
        place.storage.address_of_image("look", name)


async def test_a_storage_knows_its_own(place: Place) -> None:
    video_job_id = uuid4()
    stored = await place.storage.store(video_job_id, VIDEO)
    own = [
        stored.url,
        stored.poster_url,
        place.storage.address_of_video(video_job_id),
        await place.storage.store_image("look", picture()),
        place.storage.address_of_image("look", "png"),
    ]

    assert [place.storage.keeps(address) for address in own] == [True] * 5


@pytest.mark.parametrize("address", ["", "/", "look.png", "/media/../look.png", "https://example.com/media/look.png"])
async def test_what_is_of_others_is_left_to_them(place: Place, address: str) -> None:
    assert not place.storage.keeps(address)
    await place.storage.delete(address)
    with pytest.raises(FileMissing):
        await place.storage.read_image(address)


async def test_many_at_once_are_all_kept_whole(place: Place) -> None:
    images = [picture(shade) for shade in range(20)]

    videos, addresses = await asyncio.gather(
        asyncio.gather(*(place.storage.store(uuid4(), VIDEO) for _ in range(8))),
        asyncio.gather(*(place.storage.store_image(f"own-{shade}", image) for shade, image in enumerate(images))),
    )

    assert [await place.fetch(video.url) for video in videos] == [VIDEO.read_bytes()] * 8
    assert [await place.storage.read_image(address) for address in addresses] == [image.data for image in images]


async def test_files_of_an_earlier_configuration_are_found_and_removed(
    tmp_path: Path, double: CloudinaryDouble
) -> None:
    before = LocalStorage(tmp_path / "media", poster)
    old_video = (await before.store(uuid4(), VIDEO)).url
    old_image = await before.store_image("look", picture(1))
    now = Storages([CloudinaryStorage(double.cloudinary_url), before])

    new_image = await now.store_image("look", picture(2))

    assert new_image.startswith(double.url)
    assert await now.read_image(old_image) == picture(1).data
    assert await now.read_image(new_image) == picture(2).data
    await now.delete(old_video)
    await now.delete(old_image)
    assert list((tmp_path / "media").iterdir()) == []
    assert await now.read_image(new_image) == picture(2).data
    await now.aclose()


async def test_leftovers_are_pruned_in_each(tmp_path: Path) -> None:
    leftovers = [tmp_path / name / f".look.png.{uuid4().hex}" for name in ("one", "two")]
    for file in leftovers:
        file.parent.mkdir()
        file.touch()
    cloudinary = CloudinaryStorage("cloudinary://key:secret@demo")
    storages = Storages([LocalStorage(tmp_path / "one", poster), cloudinary, LocalStorage(tmp_path / "two", poster)])

    await storages.prune(3600)
    assert [file.exists() for file in leftovers] == [True, True]
    await storages.prune(-1)
    assert [file.exists() for file in leftovers] == [False, False]
    await storages.aclose()


async def test_closing_closes_each(double: CloudinaryDouble, tmp_path: Path) -> None:
    storages = Storages([LocalStorage(tmp_path, poster), CloudinaryStorage(double.cloudinary_url)])

    await storages.aclose()

    with pytest.raises(RuntimeError, match="client has been closed"):
        await storages.read_image(f"{double.url}/demo/image/upload/lookreel/look.png")


async def test_they_fit_the_port(tmp_path: Path) -> None:
    cloudinary, local = CloudinaryStorage("cloudinary://key:secret@demo"), LocalStorage(tmp_path, poster)
    ports: tuple[Storage, ...] = (cloudinary, local, Storages([local]))  # mypy is the one who checks this

    assert len(ports) == 3
    await cloudinary.aclose()
