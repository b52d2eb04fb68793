"""The storage at Cloudinary: real requests, signed by the real SDK, to a double that checks them for itself."""

import asyncio
import io
import json
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import PIL.Image
import pytest
from cloudinary.utils import cloudinary_url  # type: ignore[import-untyped]

from providers import cloudinary_storage
from providers.cloudinary_storage import CloudinaryStorage
from providers.mock_videos import mock_video
from resolvers.images import Image, checked_image
from resolvers.ports import FileMissing, StorageRefused, StorageUnavailable
from tests.doubles.cloudinary import API_KEY, API_SECRET, CloudinaryDouble, Fault, Refusal
from tests.house import eventually

VIDEO = mock_video("720p", "16:9", 4, audio=True)
OTHER_VIDEO = mock_video("720p", "9:16", 4, audio=False)
JOB_ID = UUID("0192f0c4-7f3e-7c1a-9d55-3b8f6f0c2a11")
PUBLIC_ID = f"lookreel/{JOB_ID}"
PLAIN_URL = "cloudinary://key:secret@demo"


def picture(shade: int = 0) -> Image:
    target = BytesIO()
    PIL.Image.new("L", (300, 300), shade).save(target, "PNG")
    return checked_image(target.getvalue(), field="image")


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CloudinaryDouble]:
    async with CloudinaryDouble(tmp_path_factory.mktemp("cloud")).serving() as double:
        yield double


@pytest.fixture
def double(served: CloudinaryDouble) -> CloudinaryDouble:
    served.reset()
    return served


@pytest.fixture
async def storage(double: CloudinaryDouble) -> AsyncIterator[CloudinaryStorage]:
    opened = CloudinaryStorage(double.cloudinary_url)
    yield opened
    await opened.aclose()


async def everything(storage: CloudinaryStorage) -> list[Exception]:
    """Ask for all that goes over the API; return what was raised."""
    address = storage.address_of_image("look", "png")
    raised = []
    for doing in (
        storage.store(JOB_ID, VIDEO),
        storage.store_image("look", picture()),
        storage.delete(address),
        storage.ping(),
    ):
        try:
            await doing
        except Exception as error:  # noqa: BLE001 - which one it is, is what tests look at
            raised.append(error)
    return raised


def texts(errors: list[Exception], caplog: pytest.LogCaptureFixture) -> str:
    """Return all that anybody could come to read of some errors, with what caused them."""
    return caplog.text + "".join(line for error in errors for line in traceback.format_exception(error)) + repr(errors)


async def test_a_video_is_uploaded_under_its_job(storage: CloudinaryStorage, double: CloudinaryDouble) -> None:
    stored = await storage.store(JOB_ID, VIDEO)

    [upload] = double.uploads
    assert (upload.resource_type, upload.public_id, upload.extension) == ("video", PUBLIC_ID, "mp4")
    assert upload.path.read_bytes() == VIDEO.read_bytes()
    [parameters] = double.parameters
    assert parameters.keys() == {"public_id", "overwrite", "invalidate", "timestamp", "signature", "api_key"}
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


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Refusal(400, "Unsupported video format or file"), "Unsupported video format or file"),
        (Refusal(400, "File size too large. Got 104857601."), "File size too large. Got 104857601."),
        (Refusal(404, "Resource not found"), "Resource not found"),
        (Refusal(409, "Already exists"), "Already exists"),
        (Refusal(413, "Request Entity Too Large"), "Request Entity Too Large"),
    ],
)
async def test_what_cloudinary_refuses_for_good(
    storage: CloudinaryStorage, double: CloudinaryDouble, fault: Refusal, message: str
) -> None:
    for store in (lambda: storage.store(JOB_ID, VIDEO), lambda: storage.store_image("look", picture())):
        double.faults.append(fault)
        with pytest.raises(StorageRefused) as refused:
            await store()
        assert str(refused.value) == message

    double.faults.extend([fault, fault])
    with pytest.raises(StorageUnavailable, match=f"^Cloudinary refused a deletion: {message}$"):
        await storage.delete(storage.address_of_video(JOB_ID))
    with pytest.raises(StorageUnavailable, match=f"^Cloudinary refused a ping: {message}$"):
        await storage.ping()
    assert double.uploads == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("drop", "^Cloudinary cannot be reached: (RemoteProtocolError|ReadError|WriteError)"),
        ("drop after", "^Cloudinary cannot be reached: (RemoteProtocolError|ReadError)"),
        ("HTML", "^Cloudinary answered 500: something that is not JSON$"),
        (Refusal(200, "Odd"), "^Cloudinary answered 200: Odd$"),
        (Refusal(408, "Request Timeout"), "^Cloudinary answered 408: Request Timeout$"),
        (Refusal(420, "Rate Limit Exceeded"), "^Cloudinary answered 420: Rate Limit Exceeded$"),
        (Refusal(429, "Too many"), "^Cloudinary answered 429: Too many$"),
        (Refusal(500, "General error"), "^Cloudinary answered 500: General error$"),
        (Refusal(503, "Busy"), "^Cloudinary answered 503: Busy$"),
    ],
)
async def test_what_may_go_better_later(
    storage: CloudinaryStorage, double: CloudinaryDouble, fault: Fault, message: str
) -> None:
    for ask in (
        lambda: storage.store(JOB_ID, VIDEO),
        lambda: storage.store_image("look", picture()),
        lambda: storage.delete(storage.address_of_video(JOB_ID)),
        storage.ping,
    ):
        double.faults.append(fault)
        with pytest.raises(StorageUnavailable, match=message):
            await ask()

    assert double.failures.total() == 4  # nothing is tried again in here
    await storage.store(JOB_ID, VIDEO)
    assert list(double.files)[-1] == ("video", PUBLIC_ID)


@pytest.mark.parametrize(
    "fault",
    [Refusal(401, "Invalid Signature"), Refusal(403, "Forbidden"), Refusal(400, "Stale request - reported time is 0")],
)
async def test_what_an_operator_has_to_mend_is_in_the_log(
    storage: CloudinaryStorage, double: CloudinaryDouble, caplog: pytest.LogCaptureFixture, fault: Refusal
) -> None:
    double.faults.extend([fault] * 4)

    raised = await everything(storage)

    assert [type(error) for error in raised] == [StorageUnavailable] * 4
    assert [str(error) for error in raised] == [f"Cloudinary answered {fault.status}: {fault.message}"] * 4
    logged = [(record.name, record.levelno) for record in caplog.records]
    assert logged == [("lookreel.providers", logging.ERROR)] * 4
    assert f"check CLOUDINARY_URL and this machine's clock: {raised[0]}" in caplog.text


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ((API_SECRET, "not-the-secret"), "Invalid Signature"),
        ((API_KEY, "1234"), "Unknown API key"),
        (("@demo", "@omed"), "Invalid cloud_name omed"),
    ],
)
async def test_credentials_of_others_are_found_out(
    double: CloudinaryDouble, caplog: pytest.LogCaptureFixture, wrong: tuple[str, str], told: str
) -> None:
    storage = CloudinaryStorage(double.cloudinary_url.replace(*wrong))

    raised = await everything(storage)
    await storage.aclose()

    assert [type(error) for error in raised] == [StorageUnavailable] * 4
    assert told in str(raised[0])
    assert double.uploads == []
    assert "not-the-secret" not in texts(raised, caplog)
    assert API_SECRET not in texts(raised, caplog)


@pytest.mark.parametrize(
    "fault", ["drop", "drop after", "HTML", Refusal(400, "No"), Refusal(401, "No"), Refusal(503, "Busy")]
)
async def test_the_secret_is_in_no_message(
    storage: CloudinaryStorage, double: CloudinaryDouble, caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    caplog.set_level(logging.DEBUG)
    double.faults.extend([fault] * 4)

    raised = await everything(storage)

    assert len(raised) == 4
    assert API_SECRET not in texts(raised, caplog)
    assert repr(storage) == "CloudinaryStorage('demo')"


async def test_an_upload_of_which_nobody_heard_is_safe_to_repeat(
    storage: CloudinaryStorage, double: CloudinaryDouble
) -> None:
    double.faults.append("drop after")
    with pytest.raises(StorageUnavailable):
        await storage.store(JOB_ID, VIDEO)
    assert double.uploads_of(PUBLIC_ID) == 1

    stored = await storage.store(JOB_ID, VIDEO)

    assert double.uploads_of(PUBLIC_ID) == 2
    assert list(double.files) == [("video", PUBLIC_ID)]
    assert f"/v{double.uploads[-1].version}/" in stored.url


async def test_a_server_that_is_silent_is_not_waited_for_forever(
    double: CloudinaryDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cloudinary_storage.TIMEOUT.as_dict() == {"connect": 10.0, "read": 120.0, "write": 120.0, "pool": 120.0}
    monkeypatch.setattr(cloudinary_storage, "TIMEOUT", httpx.Timeout(0.2))
    storage = CloudinaryStorage(double.cloudinary_url)
    double.faults.extend(["hang"] * 4)

    raised = await everything(storage)
    await storage.aclose()

    assert [str(error) for error in raised] == ["Cloudinary cannot be reached: ReadTimeout"] * 4


async def test_a_server_that_is_not_there_or_hangs_up_is_unavailable() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    storage = CloudinaryStorage(f"{PLAIN_URL}?upload_prefix=http://127.0.0.1:{port}")

    hung_up = await everything(storage)
    server.close()
    await server.wait_closed()
    gone = await everything(storage)
    await storage.aclose()

    for raised in (hung_up, gone):
        assert [type(error) for error in raised] == [StorageUnavailable] * 4
    assert all(str(error).startswith("Cloudinary cannot be reached: ConnectError ") for error in gone)


async def test_a_file_that_cannot_be_read_is_no_refusal(storage: CloudinaryStorage, tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match=r"^The file to store cannot be read: .*No such file"):
        await storage.store(JOB_ID, tmp_path / "gone.mp4")


async def test_delivery_elsewhere_is_noticed_before_anybody_is_sent_there(
    storage: CloudinaryStorage, double: CloudinaryDouble, caplog: pytest.LogCaptureFixture
) -> None:
    double.delivered_at = "https://cdn.example.com"

    with pytest.raises(StorageUnavailable, match=r"^Cloudinary delivers the file at https://cdn\.example\.com/demo/"):
        await storage.store(JOB_ID, VIDEO)

    assert "is that named in CLOUDINARY_URL?" in caplog.text


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
    double.gate.clear()
    uploading = asyncio.gather(
        *(storage.store(uuid4(), VIDEO) for _ in range(6)),
        *(storage.store_image(f"look-{number}", picture()) for number in range(6)),
    )

    async def count() -> int:
        return double.uploading

    assert await eventually(count, lambda uploads: uploads == 4, seconds=10) == 4
    double.gate.set()
    await uploading

    assert double.most_uploading == 4
    assert len(double.uploads) == 12


async def test_uploads_that_were_broken_off_make_room(storage: CloudinaryStorage, double: CloudinaryDouble) -> None:
    double.gate.clear()
    uploads = [asyncio.create_task(storage.store(uuid4(), VIDEO)) for _ in range(4)]

    async def count() -> int:
        return double.uploading

    await eventually(count, lambda uploads: uploads == 4, seconds=10)
    for upload in uploads:
        upload.cancel()
    await asyncio.gather(*uploads, return_exceptions=True)
    double.gate.set()

    await storage.store(JOB_ID, VIDEO)

    assert double.uploads_of(PUBLIC_ID) == 1


async def test_all_is_kept_in_the_end_whatever_goes_wrong(storage: CloudinaryStorage, double: CloudinaryDouble) -> None:
    double.reset(failure_rate=0.5, seed=5)
    ids = [uuid4() for _ in range(20)]

    async def insist(video_job_id: UUID) -> str:
        for _ in range(50):
            try:
                return (await storage.store(video_job_id, VIDEO)).url
            except StorageUnavailable:
                continue
        raise AssertionError(f"{video_job_id} was never stored")

    urls = await asyncio.gather(*map(insist, ids))
    async with httpx.AsyncClient() as http:
        kept = [(await http.get(url)).content for url in urls]

    assert kept == [VIDEO.read_bytes()] * 20
    assert {public_id for _, public_id in double.files} == {f"lookreel/{video_job_id}" for video_job_id in ids}
    assert double.failures.keys() == {"drop", "drop after", "HTML", "420", "503"}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("drop", "^Cloudinary cannot be reached: "),
        ("HTML", "^Cloudinary answered 500 to a request for http"),
        (Refusal(403, "No"), "^Cloudinary answered 403 to a request for http"),
    ],
)
async def test_an_image_that_cannot_be_had_now(
    storage: CloudinaryStorage, double: CloudinaryDouble, fault: Fault, message: str
) -> None:
    address = await storage.store_image("look", picture())
    double.faults.append(fault)

    with pytest.raises(StorageUnavailable, match=message):
        await storage.read_image(address)

    assert await storage.read_image(address) == picture().data


async def test_an_image_is_read_up_to_a_size(
    storage: CloudinaryStorage, double: CloudinaryDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = Image(bytes(2 * 1024 * 1024), "image/png", "png")
    address = await storage.store_image("look", large)
    assert cloudinary_storage.LARGEST_IMAGE_BYTES == 25 * 1024 * 1024
    monkeypatch.setattr(cloudinary_storage, "LARGEST_IMAGE_BYTES", len(large.data))
    assert await storage.read_image(address) == large.data
    monkeypatch.setattr(cloudinary_storage, "LARGEST_IMAGE_BYTES", 1024 * 1024)

    with pytest.raises(StorageUnavailable, match=r"is larger than 1 MB$"):
        await storage.read_image(address)

    await storage.delete(address)
    with pytest.raises(FileMissing, match=f"^There is no file {double.url}/demo/image/upload/"):
        await storage.read_image(address)


async def test_ping_says_that_we_are_let_in(storage: CloudinaryStorage, double: CloudinaryDouble) -> None:
    await storage.ping()

    assert double.failures.total() == 0


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


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "^CLOUDINARY_URL must look like cloudinary://<API key>:<API secret>@<cloud name>$"),
        ("not a url", "^CLOUDINARY_URL must look like "),
        ("https://key:s3cret@demo", "^CLOUDINARY_URL must look like "),
        ("cloudinary://demo", "^CLOUDINARY_URL must look like "),
        ("cloudinary://key@demo", "^CLOUDINARY_URL must look like "),
        ("cloudinary://:s3cret@demo", "^CLOUDINARY_URL must look like "),
        ("cloudinary://key:s3cret@", "^CLOUDINARY_URL must look like "),
        ("cloudinary://key:s3cret@[demo", "^CLOUDINARY_URL must look like "),
        ("cloudinary://key:s3cret\u2100@demo", "^CLOUDINARY_URL must look like "),
        ("cloudinary://key:s3cret@demo?signature_version=two", "^CLOUDINARY_URL must look like "),
        ("cloudinary://key:s3cret@demo?upload_prefix=127.0.0.1", "^The upload_prefix in CLOUDINARY_URL must be a URL"),
        ("cloudinary://key:s3cret@demo?upload_prefix=file:///x", "^The upload_prefix in CLOUDINARY_URL must be a URL"),
        ("cloudinary://key:s3cret@demo?upload_prefix=http://", "^The upload_prefix in CLOUDINARY_URL must be a URL"),
        ("cloudinary://key:s3cret@demo?upload_prefix=http://[", "^CLOUDINARY_URL must look like "),
    ],
)
def test_a_malformed_url_is_refused_without_being_shown(
    url: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        CloudinaryStorage(url)

    assert "s3cret" not in texts([refused.value], caplog).replace(url, "")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "cloudinary://a:b@other/media.example.com?shorten=true&sign_url=true&cdn_subdomain=true&upload_prefix=http://x",
        "https://a:b@malformed",
        "cloudinary://a:b\u2100@malformed",
    ],
)
def test_the_environment_has_no_say(elsewhere: str) -> None:
    """The SDK would read it as soon as it is imported, and take from there what is not told."""
    program = (
        "import json, os; from providers.cloudinary_storage import CloudinaryStorage as S\n"
        f"storage = S({PLAIN_URL!r})\n"
        "kept = storage.keeps('http://x/demo/image/upload/lookreel/look.png')\n"
        "print(json.dumps([storage.address_of_image('look', 'png'), kept, os.environ['CLOUDINARY_URL']]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "CLOUDINARY_URL": elsewhere},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    address = "https://res.cloudinary.com/demo/image/upload/lookreel/look.png"
    assert json.loads(done.stdout) == [address, False, elsewhere]
    assert done.stderr == ""
