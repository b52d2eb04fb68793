"""What each failure of Cloudinary means: what is refused for good, what may go better later, and what is lost."""

import asyncio
import logging
import math
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from media.images import Image
from providers.cloudinary import storage as cloudinary_storage
from providers.cloudinary.storage import CloudinaryStorage
from providers.tls import trusted_certificates
from resolvers.ports import FileMissing, StorageRefused, StorageUnavailable
from tests.doubles.cloudinary import CloudinaryDouble, Fault, Refusal
from tests.providers.cloudinary.asking import JOB_ID, PLAIN_URL, PUBLIC_ID, everything
from tests.providers.kept import VIDEO, picture


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Refusal(400, "Unsupported video format or file"), "Unsupported video format or file"),
        (Refusal(400, "File size too large. Got 104857601."), "File size too large. Got 104857601."),
        (Refusal(400, "Invalid image file"), "Invalid image file"),
        (Refusal(400, "Empty file"), "Empty file"),
        (Refusal(413, "Request Entity Too Large"), "Request Entity Too Large"),
        (Refusal(415, "Unsupported Media Type"), "Unsupported Media Type"),
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
        (Refusal(400, "Upload preset not found"), "^Cloudinary answered 400: Upload preset not found$"),
        (Refusal(400, "Request timed out"), "^Cloudinary answered 400: Request timed out$"),
        (Refusal(402, "Payment required"), "^Cloudinary answered 402: Payment required$"),
        (Refusal(404, "Resource not found"), "^Cloudinary answered 404: Resource not found$"),
        (Refusal(408, "Request Timeout"), "^Cloudinary answered 408: Request Timeout$"),
        (Refusal(409, "Already exists"), "^Cloudinary answered 409: Already exists$"),
        (Refusal(420, "Rate Limit Exceeded"), "^Cloudinary answered 420: Rate Limit Exceeded$"),
        *(
            (Refusal(status, "Not now"), f"^Cloudinary answered {status}: Not now$")
            for status in (405, 410, 411, 421, 422, 423, 425, 429, 451, 499)
        ),
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


async def test_an_answer_that_is_too_deep_to_be_read_is_none() -> None:
    async with answering(b"[" * 100_000) as (storage, _):
        raised = await everything(storage)

    assert [type(error) for error in raised] == [StorageUnavailable] * 4
    assert {str(error) for error in raised} == {"Cloudinary answered 200: something that is not JSON"}


async def test_an_answer_that_comes_byte_by_byte_is_not_waited_for_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudinary_storage, "LONGEST_SECONDS", 0.5)
    async with answering(b" " * 100_000, bytes_a_second=100) as (storage, server):
        raised = await everything(storage)
        address = storage.address_of_image("look", "png").replace("https://res.cloudinary.com", server)
        with pytest.raises(StorageUnavailable, match=r"^Cloudinary cannot be reached: TimeoutError$"):
            await storage.read_image(address)

    assert [str(error) for error in raised] == ["Cloudinary cannot be reached: TimeoutError"] * 4


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
    async with httpx.AsyncClient(verify=trusted_certificates()) as http:
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


@asynccontextmanager
async def answering(body: bytes, bytes_a_second: float = math.inf) -> AsyncIterator[tuple[CloudinaryStorage, str]]:
    """Yield a storage, and its server's URL, which answers everything with that body."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        await reader.readexactly(int(length[1]) if length else 0)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        step = len(body) if bytes_a_second == math.inf else 1
        for begin in range(0, len(body), step):
            writer.write(body[begin : begin + step])
            if writer.transport.is_closing():
                break
            await asyncio.sleep(1 / bytes_a_second)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        storage = CloudinaryStorage(f"{PLAIN_URL}?upload_prefix={url}")
        yield storage, url
        await storage.aclose()
