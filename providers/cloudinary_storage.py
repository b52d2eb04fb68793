"""Videos and images at Cloudinary.

The SDK reads the configuration, signs and builds addresses. Files go out by httpx: the SDK blocks, and holds a whole
file in memory, twice.
"""

import asyncio
import logging
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from media.images import Image
from resolvers.ports import FileMissing, StorageRefused, StorageUnavailable, StoredVideo

# The SDK reads this variable while it is imported. A malformed one would end the program there with a traceback,
# and the secret in it, before anybody could say what is wrong.
_hidden = os.environ.pop("CLOUDINARY_URL", None)
import cloudinary  # type: ignore[import-untyped]  # noqa: E402
from cloudinary.utils import api_sign_request, cloudinary_url  # type: ignore[import-untyped]  # noqa: E402

if _hidden is not None:
    os.environ["CLOUDINARY_URL"] = _hidden

FOLDER = "lookreel"
"""Where all our files are, in an account that may have others."""

UPLOADS_AT_ONCE = 4
LARGEST_IMAGE_BYTES = 25 * 1024 * 1024
TIMEOUT = httpx.Timeout(120.0, connect=10.0)

_API = "https://api.cloudinary.com"
_EXTENSIONS = ("mp4", "jpg", "png", "webp", "gif")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_POSTER = "so_auto"
_ASSET_PATH = re.compile(
    rf"/(?P<resource_type>image|video)/upload/(?P<derivation>{_POSTER}/)?(?:v[0-9]+/)?"
    rf"(?P<public_id>{FOLDER}/{_NAME.pattern})\.(?:{'|'.join(_EXTENSIONS)})"
)
_LATER = (httpx.codes.REQUEST_TIMEOUT, 420, httpx.codes.TOO_MANY_REQUESTS)  # 420 is Cloudinary's own for a rate limit
_NOT_LET_IN = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
_CLOCK_IS_WRONG = "Stale request"

logger = logging.getLogger("lookreel.providers")


class _Asset(NamedTuple):
    """What an address of ours names. Derived ones, such as posters, come and go with their originals."""

    resource_type: str
    public_id: str
    is_derived: bool = False


class _Account:
    """What CLOUDINARY_URL says. The secret does not leave this class."""

    def __init__(self, url: str) -> None:
        options = _options(url)
        self.cloud_name: str = options.cloud_name
        self._key: str = options.api_key
        self._secret: str = options.api_secret
        self._algorithm: str = options.signature_algorithm
        self._signature_version = int(options.signature_version)
        prefix = (options.upload_prefix or "").rstrip("/")
        self.api_url = f"{prefix or _API}/{cloudinary.API_VERSION}/{self.cloud_name}"
        self._distribution: str | None = options.secure_distribution or None
        # A mere slash behind the cloud's name makes the SDK believe in a private network without a name.
        self._is_private = bool(options.private_cdn) and (bool(self._distribution) or options.private_cdn == "true")
        self._roots = self._delivery_roots(prefix)

    def basic_auth(self) -> httpx.BasicAuth:
        return httpx.BasicAuth(self._key, self._secret)

    def signed(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """Return the parameters of a request to the upload API, with what makes it ours."""
        timed = {**parameters, "timestamp": str(int(time.time()))}
        signature = api_sign_request(timed, self._secret, self._algorithm, self._signature_version)
        return {**timed, "signature": signature, "api_key": self._key}

    def address(self, asset: _Asset, extension: str) -> str:
        """Return the URL of the newest version. All is told, so that the SDK looks up nothing in its global state."""
        url, _ = cloudinary_url(
            asset.public_id,
            resource_type=asset.resource_type,
            format=extension,
            cloud_name=self.cloud_name,
            secure=True,
            private_cdn=self._is_private,
            secure_distribution=self._distribution,
            cname=None,
            cdn_subdomain=False,
            secure_cdn_subdomain=False,
            force_version=False,
            shorten=False,
            use_root_path=False,
            sign_url=False,
            auth_token=False,
        )
        return str(url)

    def asset_at(self, address: str) -> _Asset | None:
        """Return None for an address that is none of this account's, or not in our folder."""
        for root in self._roots:
            if address.startswith(root) and (path := _ASSET_PATH.fullmatch(address, len(root))):
                return _Asset(path["resource_type"], path["public_id"], path["derivation"] is not None)
        return None

    def _delivery_roots(self, upload_prefix: str) -> list[str]:
        """Return what our addresses begin with. A server of one's own in place of the API delivers, too."""
        own = self.address(_Asset("image", "any"), "jpg").removesuffix("/image/upload/any.jpg")
        shared = [f"https://{cloudinary.SHARED_CDN}/{self.cloud_name}", f"https://{self.cloud_name}-res.cloudinary.com"]
        return [own, *shared, *([f"{upload_prefix}/{self.cloud_name}"] if upload_prefix else [])]


class CloudinaryStorage:
    """Keeps each video as `lookreel/<video job id>` and each image as `lookreel/<name>`; posters are made on the fly.

    Names are deterministic and uploads overwrite, so one that may or may not have arrived can be repeated. Nothing is
    repeated here. An image's extension is no part of its name: one of another format replaces it.
    """

    def __init__(self, url: str) -> None:
        """Take the text of CLOUDINARY_URL: `cloudinary://<key>:<secret>@<cloud name>`, with options such as
        `?upload_prefix=https://api-eu.cloudinary.com`.

        Raises:
            ValueError: malformed; the message does not contain the URL

        """  # noqa: D205 - the example does not fit in one line
        self._account = _Account(url)
        self._client = httpx.AsyncClient(timeout=TIMEOUT)
        self._room = asyncio.Semaphore(UPLOADS_AT_ONCE)

    def __repr__(self) -> str:
        return f"CloudinaryStorage({self._account.cloud_name!r})"

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ping(self) -> None:
        """Ask whether Cloudinary can be reached and lets us in.

        Raises:
            StorageUnavailable

        """
        try:
            await self._ask("GET", "ping", auth=self._account.basic_auth())
        except StorageRefused as refusal:
            raise StorageUnavailable(f"Cloudinary refused a ping: {refusal}") from refusal

    async def store(self, video_job_id: UUID, video: Path) -> StoredVideo:
        """Upload the file from the disk; return the URLs under which Cloudinary delivers it and its poster.

        Raises:
            StorageUnavailable, StorageRefused

        """
        async with self._room:
            with await _opened(video) as file:
                url = await self._upload(_video(video_job_id), (f"{video_job_id}.mp4", file, "video/mp4"))
        return StoredVideo(url, _poster_url(url))

    def address_of_video(self, video_job_id: UUID) -> str:
        """Return the URL of whichever version of the job's video is the newest."""
        return self._account.address(_video(video_job_id), "mp4")

    async def store_image(self, name: str, image: Image) -> str:
        """Upload the image; return the URL under which Cloudinary delivers it.

        Raises:
            ValueError: the name has other characters than letters of ASCII, digits and hyphens, or none
            StorageUnavailable, StorageRefused

        """
        asset = _image(name, image.extension)
        async with self._room:
            return await self._upload(asset, (f"{name}.{image.extension}", image.data, image.media_type))

    def address_of_image(self, name: str, extension: str) -> str:
        """Return the URL of whichever version is the newest; raises `ValueError` as `store_image` does."""
        return self._account.address(_image(name, extension), extension)

    async def read_image(self, address: str) -> bytes:
        """Return the contents of a stored image, up to 25 MB.

        Raises:
            FileMissing, StorageUnavailable

        """
        if not self.keeps(address):
            raise FileMissing(f"{address} is no address of {self!r}")
        try:
            async with self._client.stream("GET", address) as response:
                return await _body(response)
        except httpx.HTTPError as error:
            raise _unreachable(error) from error

    def keeps(self, address: str) -> bool:
        """Return whether it is a URL of this account and our folder, whether there is such a file or not."""
        return self._account.asset_at(address) is not None

    async def delete(self, address: str) -> None:
        """Remove the file, and all that was derived from it. Any other address is ignored, and so is a missing file.

        Raises:
            StorageUnavailable

        """
        asset = self._account.asset_at(address)
        if asset is not None and not asset.is_derived:
            result = await self._destroy(asset)
            if result not in ("ok", "not found"):
                raise StorageUnavailable(f"Cloudinary answered {result!r} to the deletion of {address}")

    async def prune(self, older_than_seconds: float) -> int:  # noqa: ARG002 - the port's signature
        """Remove nothing: Cloudinary keeps whole uploads only."""
        return 0

    async def _upload(self, asset: _Asset, file: tuple[str, BinaryIO | bytes, str]) -> str:
        """Send one multipart request, which httpx reads from an open file piece by piece; return the URL."""
        parameters = {"public_id": asset.public_id, "overwrite": "true", "invalidate": "true"}
        data = self._account.signed(parameters)
        answer = await self._ask("POST", f"{asset.resource_type}/upload", data=data, files={"file": file})
        url = str(answer.get("secure_url"))
        if self._account.asset_at(url) != asset:
            logger.error("Cloudinary delivers %s at %s: is that named in CLOUDINARY_URL?", asset.public_id, url)
            raise StorageUnavailable(f"Cloudinary delivers the file at {url}, which is no address of {self!r}")
        return url

    async def _destroy(self, asset: _Asset) -> object:
        data = self._account.signed({"public_id": asset.public_id, "invalidate": "true"})
        try:
            answer = await self._ask("POST", f"{asset.resource_type}/destroy", data=data)
        except StorageRefused as refusal:
            raise StorageUnavailable(f"Cloudinary refused a deletion: {refusal}") from refusal
        return answer.get("result")

    async def _ask(self, method: str, path: str, **request: Any) -> Mapping[str, Any]:  # noqa: ANN401 - httpx's own
        try:
            response = await self._client.request(method, f"{self._account.api_url}/{path}", **request)
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        return _result(response)


class _Options(cloudinary.Config):  # type: ignore[misc]
    """The SDK's reading of CLOUDINARY_URL, without what it would add from the environment."""

    def _load_config_from_env(self) -> None:
        pass


def _options(url: str) -> _Options:
    """Raise `ValueError`, never with the URL in it, as that has the secret in it."""
    options = _Options()
    try:
        options._load_from_url(url)  # noqa: SLF001 - the SDK offers it for global state only
        prefix = urlsplit(options.upload_prefix or _API)
        int(options.signature_version)
    except ValueError:
        raise _malformed() from None
    if not (options.cloud_name and options.api_key and options.api_secret):
        raise _malformed()
    if prefix.scheme not in ("http", "https") or not prefix.hostname:
        raise ValueError("The upload_prefix in CLOUDINARY_URL must be a URL with http:// or https://")
    return options


def _malformed() -> ValueError:
    return ValueError("CLOUDINARY_URL must look like cloudinary://<API key>:<API secret>@<cloud name>")


def _video(video_job_id: UUID) -> _Asset:
    return _Asset("video", f"{FOLDER}/{video_job_id}")


def _image(name: str, extension: str) -> _Asset:
    if not _NAME.fullmatch(name) or extension not in _EXTENSIONS:
        raise ValueError(f"Not a name for an image: {f'{name}.{extension}'!r}")
    return _Asset("image", f"{FOLDER}/{name}")


def _poster_url(url: str) -> str:
    """Return what the SDK builds for a video's first good frame, at the place where this video is delivered."""
    root, path = url.rsplit("/upload/", 1)
    return f"{root}/upload/{_POSTER}/{path.removesuffix('.mp4')}.jpg"


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
    """Return the JSON of an answer that says that it was done.

    Raises:
        StorageUnavailable, StorageRefused

    """
    answer = _json_object(response)
    if response.is_success and answer is not None and "error" not in answer:
        return answer
    message = "something that is not JSON" if answer is None else _message(answer)
    trouble = StorageUnavailable(f"Cloudinary answered {response.status_code}: {message}")
    if response.status_code in _NOT_LET_IN or message.startswith(_CLOCK_IS_WRONG):
        logger.error("Cloudinary does not let us in; check CLOUDINARY_URL and this machine's clock: %s", trouble)
        raise trouble
    if response.is_client_error and answer is not None and response.status_code not in _LATER:
        raise StorageRefused(message)
    raise trouble


def _json_object(response: httpx.Response) -> Mapping[str, Any] | None:
    try:
        answer = response.json()
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _message(answer: Mapping[str, Any]) -> str:
    error = answer.get("error")
    return str(error.get("message")) if isinstance(error, dict) else f"no message: {error}"


def _unreachable(error: httpx.HTTPError) -> StorageUnavailable:
    return StorageUnavailable(f"Cloudinary cannot be reached: {type(error).__name__} {error}".rstrip())
