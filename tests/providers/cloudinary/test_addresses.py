"""Addresses: which files are the storage's own, wherever Cloudinary delivers them."""

import pytest

from providers.cloudinary.storage import CloudinaryStorage
from resolvers.ports import FileMissing
from tests.doubles.cloudinary import CloudinaryDouble
from tests.providers.cloudinary.asking import JOB_ID, PLAIN_URL, PUBLIC_ID


@pytest.mark.parametrize(
    ("url", "video", "image"),
    [
        (
            PLAIN_URL,
            f"https://res.cloudinary.com/demo/video/upload/{PUBLIC_ID}.mp4",
            "https://res.cloudinary.com/demo/image/upload/lookreel/look.png",
        ),
        (
            f"{PLAIN_URL}/",
            f"https://res.cloudinary.com/demo/video/upload/{PUBLIC_ID}.mp4",
            "https://res.cloudinary.com/demo/image/upload/lookreel/look.png",
        ),
        (
            f"{PLAIN_URL}/media.example.com",
            f"https://media.example.com/video/upload/{PUBLIC_ID}.mp4",
            "https://media.example.com/image/upload/lookreel/look.png",
        ),
        (
            f"{PLAIN_URL}?private_cdn=true",
            f"https://demo-res.cloudinary.com/video/upload/{PUBLIC_ID}.mp4",
            "https://demo-res.cloudinary.com/image/upload/lookreel/look.png",
        ),
        (
            f"{PLAIN_URL}?secure_distribution=media.example.com",
            f"https://media.example.com/demo/video/upload/{PUBLIC_ID}.mp4",
            "https://media.example.com/demo/image/upload/lookreel/look.png",
        ),
    ],
)
async def test_addresses_are_known_beforehand(url: str, video: str, image: str) -> None:
    storage = CloudinaryStorage(url)

    assert storage.address_of_video(JOB_ID) == video
    assert storage.address_of_image("look", "png") == image
    assert storage.keeps(video)
    assert storage.keeps(image)
    assert storage.keeps("https://res.cloudinary.com/demo/image/upload/v17/lookreel/look.jpg")
    await storage.aclose()


@pytest.mark.parametrize(
    "address",
    [
        "https://res.cloudinary.com/demo/video/upload/lookreel/look.mp4",
        "https://res.cloudinary.com/demo/video/upload/v1700000000/lookreel/look.mp4",
        "https://res.cloudinary.com/demo/video/upload/so_auto/v1700000000/lookreel/look.jpg",
        "https://res.cloudinary.com/demo/image/upload/v1/lookreel/look-0.webp",
        "https://demo-res.cloudinary.com/image/upload/v1/lookreel/look-0.gif",
        "http://127.0.0.1:4000/demo/image/upload/v1/lookreel/look-0.png",
    ],
)
async def test_an_address_of_ours(address: str) -> None:
    storage = CloudinaryStorage(f"{PLAIN_URL}?upload_prefix=http://127.0.0.1:4000/")

    assert storage.keeps(address)
    await storage.aclose()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/media/look.png",
        "https://res.cloudinary.com/demo/image/upload/look.png",
        "https://res.cloudinary.com/demo/image/upload/other/look.png",
        "https://res.cloudinary.com/demo/image/upload/lookreel/../other/look.png",
        "https://res.cloudinary.com/demo/image/upload/lookreel/sub/look.png",
        "https://res.cloudinary.com/demo/image/upload/lookreel/look.png?x",
        "https://res.cloudinary.com/demo/image/upload/lookreel/look.png#x",
        "https://res.cloudinary.com/demo/image/upload/lookreel/look.png\n",
        "https://res.cloudinary.com/demo/image/upload/lookreel/look.svg",
        "https://res.cloudinary.com/demo/image/upload/lookreel/look",
        "https://res.cloudinary.com/demo/image/upload/w_100/lookreel/look.png",
        "https://res.cloudinary.com/demo/raw/upload/lookreel/look.png",
        "https://res.cloudinary.com/demo/image/private/lookreel/look.png",
        "https://res.cloudinary.com/demo/image/upload/v\u0661/lookreel/look.png",
        "https://res.cloudinary.com/other/image/upload/lookreel/look.png",
        "https://res.cloudinary.com/demo2/image/upload/lookreel/look.png",
        "https://other-res.cloudinary.com/image/upload/lookreel/look.png",
        "http://res.cloudinary.com/demo/image/upload/lookreel/look.png",
        "https://res.cloudinary.com.example.com/demo/image/upload/lookreel/look.png",
        "https://example.com/demo/image/upload/lookreel/look.png",
        "https://example.com/https://res.cloudinary.com/demo/image/upload/lookreel/look.png",
        "http://127.0.0.1:4000/demo/image/upload/lookreel/look.png",
    ],
)
async def test_an_address_of_others_is_neither_read_nor_deleted(
    storage: CloudinaryStorage, double: CloudinaryDouble, address: str
) -> None:
    double.faults.append("HTML")

    assert not storage.keeps(address)
    with pytest.raises(FileMissing, match=r"is no address of CloudinaryStorage\('demo'\)$"):
        await storage.read_image(address)
    await storage.delete(address)

    assert list(double.faults) == ["HTML"]  # nothing was asked


async def test_a_download_has_the_jobs_id_for_a_name(storage: CloudinaryStorage) -> None:
    url = storage.address_of_video(JOB_ID)
    elsewhere = "https://elsewhere.example/video/upload/a.mp4"

    assert storage.as_download(url) == url.replace("/upload/", f"/upload/fl_attachment:{JOB_ID}/")
    assert storage.as_download(elsewhere) == elsewhere
