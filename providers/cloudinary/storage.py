"""Videos and images at Cloudinary.

The SDK reads the configuration, signs and builds addresses. Files go out by httpx: the SDK blocks, and holds a whole
file in memory, twice.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import httpx

from media.images import Image
from providers.cloudinary.account import POSTER, Account, Asset, Delivery, image_asset, video_asset
from providers.tls import trusted_certificates
from resolvers.ports import FileMissing, StorageRefused, StorageUnavailable, StoredVideo

UPLOADS_AT_ONCE = 4
LARGEST_IMAGE_BYTES = 25 * 1024 * 1024
TIMEOUT = httpx.Timeout(120.0, connect=10.0)
# For all of a request, which may come and go byte by byte.
LONGEST_SECONDS = 600.0

# All that is final: these are about the file itself. Any other answer may be another one later, when an account has
# been paid for, a plan or a preset changed, a key mended.
_FINAL = (httpx.codes.REQUEST_ENTITY_TOO_LARGE, httpx.codes.UNSUPPORTED_MEDIA_TYPE)
_FINAL_MESSAGES = ("Unsupported ", "Invalid image", "Invalid video", "File size too large", "Empty file")
_NOT_LET_IN = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
_CLOCK_IS_WRONG = "Stale request"

logger = logging.getLogger("lookreel.providers")


class CloudinaryStorage:
    """Keeps each video as `lookreel/<video job id>` and each image as `lookreel/<name>`; posters are derived.

    Names are deterministic and uploads overwrite, so one that may or may not have arrived can be repeated. Nothing is
    repeated here. An image's extension is no part of its name: one of another format replaces it.
    """

    def __init__(self, url: str, delivery: Delivery = "upload") -> None:
        """Take the text of CLOUDINARY_URL: `cloudinary://<key>:<secret>@<cloud name>`, with options such as
        `?upload_prefix=https://api-eu.cloudinary.com`. New files get that kind of delivery; those of the other
        kind are still read and deleted.

        Raises:
            ValueError: malformed; the message does not contain the URL

        """  # noqa: D205 - the example does not fit in one line
        self._account = Account(url)
        self._delivery: Delivery = delivery
        self._client = httpx.AsyncClient(timeout=TIMEOUT, verify=trusted_certificates())
        self._room = asyncio.Semaphore(UPLOADS_AT_ONCE)

    def __repr__(self) -> str:
        return f"CloudinaryStorage({self._account.cloud_name!r})"

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ping(self) -> None:
        """Ask whether Cloudinary can be reached and lets us in; raises StorageUnavailable."""
        try:
            await self._ask("GET", "ping", auth=self._account.basic_auth())
        except StorageRefused as refusal:
            raise StorageUnavailable(f"Cloudinary refused a ping: {refusal}") from refusal

    async def store(self, video_job_id: UUID, video: Path) -> StoredVideo:
        """Upload the file from the disk; return the URLs under which Cloudinary delivers it and its poster.

        Raises StorageUnavailable, StorageRefused.
        """
        asset = video_asset(video_job_id, self._delivery)
        async with self._room:
            with await _opened(video) as file:
                # Who reads that the job is done finds the poster there: the first request for it would take seconds.
                url = await self._upload(asset, (f"{video_job_id}.mp4", file, "video/mp4"), eager=f"{POSTER}/jpg")
        return StoredVideo(url, self._account.poster_url(asset, url))

    def address_of_video(self, video_job_id: UUID) -> str:
        """Return the URL of whichever version of the job's video is the newest."""
        return self._account.address(video_asset(video_job_id, self._delivery), "mp4")

    async def store_image(self, name: str, image: Image) -> str:
        """Upload the image; return the URL under which Cloudinary delivers it.

        Raises:
            ValueError: the name has other characters than letters of ASCII, digits and hyphens, or none
            StorageUnavailable, StorageRefused

        """
        asset = image_asset(name, image.extension, self._delivery)
        async with self._room:
            return await self._upload(asset, (f"{name}.{image.extension}", image.data, image.media_type))

    def address_of_image(self, name: str, extension: str) -> str:
        """Return the URL of whichever version is the newest; raises `ValueError` as `store_image` does."""
        return self._account.address(image_asset(name, extension, self._delivery), extension)

    async def read_image(self, address: str) -> bytes:
        """Return the contents of a stored image, up to 25 MB; raises FileMissing, StorageUnavailable."""
        if not self.keeps(address):
            raise FileMissing(f"{address} is no address of {self!r}")
        async with _reached(), self._client.stream("GET", address) as response:
            return await _body(response)

    def keeps(self, address: str) -> bool:
        """Return whether it is a URL of this account and our folder, whether there is such a file or not."""
        return self._account.asset_at(address) is not None

    def as_download(self, address: str) -> str:
        """Return the URL with the flag that makes Cloudinary name the file; its extension is Cloudinary's to add."""
        asset = self._account.asset_at(address)
        if asset is None or asset.is_derived:
            return address
        flag = f"fl_attachment:{asset.public_id.rpartition('/')[2]}"
        if asset.delivery == "authenticated":
            # The signature is over what is derived, too.
            return self._account.address(asset, address.rpartition(".")[2], flag)
        return address.replace("/upload/", f"/upload/{flag}/", 1)

    async def delete(self, address: str) -> None:
        """Remove the file, and all that was derived from it. Any other address is ignored, and so is a missing file.

        Raises StorageUnavailable.
        """
        asset = self._account.asset_at(address)
        if asset is not None and not asset.is_derived:
            data = self._account.signed(asset.parameters())
            try:
                result = (await self._ask("POST", f"{asset.resource_type}/destroy", data=data)).get("result")
            except StorageRefused as refusal:
                raise StorageUnavailable(f"Cloudinary refused a deletion: {refusal}") from refusal
            if result not in ("ok", "not found"):
                raise StorageUnavailable(f"Cloudinary answered {result!r} to the deletion of {address}")

    async def prune(self, older_than_seconds: float) -> None:
        """Remove nothing: Cloudinary keeps whole uploads only."""

    async def _upload(self, asset: Asset, file: tuple[str, BinaryIO | bytes, str], **more: str) -> str:
        """Send one multipart request, which httpx reads from an open file piece by piece; return the URL."""
        data = self._account.signed(asset.parameters() | {"overwrite": "true"} | more)
        answer = await self._ask("POST", f"{asset.resource_type}/upload", data=data, files={"file": file})
        url = str(answer.get("secure_url"))
        if self._account.asset_at(url) != asset:
            logger.error("Cloudinary delivers %s at %s: is that named in CLOUDINARY_URL?", asset.public_id, url)
            raise StorageUnavailable(f"Cloudinary delivers the file at {url}, which is no address of {self!r}")
        return url

    async def _ask(self, method: str, path: str, **request: Any) -> Mapping[str, Any]:  # noqa: ANN401 - httpx's own
        async with _reached():
            response = await self._client.request(method, f"{self._account.api_url}/{path}", **request)
        return _result(response)


@asynccontextmanager
async def _reached() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            yield
    except (httpx.HTTPError, TimeoutError) as error:
        raise StorageUnavailable(f"Cloudinary cannot be reached: {type(error).__name__} {error}".rstrip()) from error


async def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("rb")  # not in a thread: a cancelled wait would leave open what it opens
    except OSError as error:
        raise StorageUnavailable(f"The file to store cannot be read: {error}") from error


async def _body(response: httpx.Response) -> bytes:
    if response.status_code == httpx.codes.NOT_FOUND:
        raise FileMissing(f"There is no file {response.url}")
    if not response.is_success:
        raise StorageUnavailable(f"Cloudinary answered {response.status_code} to a request for {response.url}")
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST_IMAGE_BYTES:
            raise StorageUnavailable(f"{response.url} is larger than {LARGEST_IMAGE_BYTES // 1024**2} MB")
    return bytes(body)


def _result(response: httpx.Response) -> Mapping[str, Any]:
    answer = _json_object(response)
    if response.is_success and answer is not None and "error" not in answer:
        return answer
    message = "something that is not JSON" if answer is None else _message(answer)
    trouble = StorageUnavailable(f"Cloudinary answered {response.status_code}: {message}")
    if response.status_code in _NOT_LET_IN or message.startswith(_CLOCK_IS_WRONG):
        logger.error("Cloudinary does not let us in; check CLOUDINARY_URL and this machine's clock: %s", trouble)
        raise trouble
    if answer is not None and _is_final(response.status_code, message):
        raise StorageRefused(message)
    raise trouble


def _is_final(status: int, message: str) -> bool:
    return status in _FINAL or (status == httpx.codes.BAD_REQUEST and message.startswith(_FINAL_MESSAGES))


def _json_object(response: httpx.Response) -> Mapping[str, Any] | None:
    try:
        answer = response.json()
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _message(answer: Mapping[str, Any]) -> str:
    error = answer.get("error")
    return str(error.get("message")) if isinstance(error, dict) else f"no message: {error}"
