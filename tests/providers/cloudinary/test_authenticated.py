"""Files that are delivered with a signature only, which nobody makes but Cloudinary and whoever has the key."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from app.settings import Settings
from app.wiring import open_storages
from providers.cloudinary.storage import CloudinaryStorage
from providers.tls import trusted_certificates
from tests.doubles.cloudinary import CloudinaryDouble
from tests.providers.cloudinary.asking import JOB_ID, PLAIN_URL, PUBLIC_ID
from tests.providers.kept import VIDEO, picture


@pytest.fixture
async def private(double: CloudinaryDouble) -> AsyncIterator[CloudinaryStorage]:
    opened = CloudinaryStorage(double.cloudinary_url, "authenticated")
    yield opened
    await opened.aclose()


async def test_videos_and_posters_are_delivered_with_their_own_signatures_only(
    private: CloudinaryStorage, double: CloudinaryDouble
) -> None:
    stored = await private.store(JOB_ID, VIDEO)
    image = await private.store_image("look-0", picture())
    async with httpx.AsyncClient(verify=trusted_certificates()) as http:
        shown = [(await http.get(url)).status_code for url in (stored.url, stored.poster_url, image)]
        bare = [re.sub("s--.{8}--/", "", url) for url in (stored.url, stored.poster_url, image)]
        public = [url.replace("/authenticated/", "/upload/") for url in bare]
        signature = re.findall("s--.{8}--", image)[0]
        swapped = re.sub("s--.{8}--", signature, stored.url)
        refused = [(await http.get(url)).status_code for url in (*bare, *public, swapped)]

    assert shown == [200, 200, 200]
    assert refused == [401, 401, 401, 404, 404, 404, 401]
    assert {upload.type for upload in double.uploads} == {"authenticated"}
    assert await private.read_image(image) == picture().data


async def test_they_are_deleted_by_any_address_of_theirs(private: CloudinaryStorage, double: CloudinaryDouble) -> None:
    stored = await private.store(JOB_ID, VIDEO)
    await private.delete(stored.poster_url)
    assert double.destroyed == []
    await private.delete(stored.url)
    assert double.destroyed == [("video", PUBLIC_ID)]

    await private.store_image("look-0", picture())
    await private.delete(private.address_of_image("look-0", "png"))
    assert double.destroyed == [("video", PUBLIC_ID), ("image", "lookreel/look-0")]


async def test_files_of_either_kind_stay_good_when_the_setting_changes(
    private: CloudinaryStorage, storage: CloudinaryStorage, double: CloudinaryDouble
) -> None:
    public_image = await storage.store_image("look-0", picture())
    private_image = await private.store_image("look-1", picture())

    assert await private.read_image(public_image) == await storage.read_image(private_image) == picture().data
    await private.delete(public_image)
    await storage.delete(private_image)
    assert double.destroyed == [("image", "lookreel/look-0"), ("image", "lookreel/look-1")]


@pytest.mark.parametrize("options", ["", "?signature_algorithm=sha256", "?long_url_signature=true"])
async def test_addresses_are_known_beforehand(options: str) -> None:
    storage = CloudinaryStorage(f"{PLAIN_URL}{options}", "authenticated")

    for address in (storage.address_of_video(JOB_ID), storage.address_of_image("look", "png")):
        assert "/authenticated/s--" in address
        assert storage.keeps(address)
        assert not storage.keeps(re.sub("s--.*--/", "", address))
    await storage.aclose()


@pytest.mark.parametrize(("media_urls", "delivery"), [("signed", "authenticated"), ("plain", "upload")])
async def test_the_setting_says_how_new_files_are_stored(
    settings: Settings, double: CloudinaryDouble, media_urls: str, delivery: str
) -> None:
    chosen = {"media_urls": media_urls, "cloudinary_url": double.cloudinary_url}
    storages = open_storages(settings.model_copy(update=chosen))
    await storages.store_image("look-0", picture())
    await storages.aclose()

    assert [upload.type for upload in double.uploads] == [delivery]
