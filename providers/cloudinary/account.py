"""What CLOUDINARY_URL says, and the addresses that follow from it."""

import os
import re
import time
from collections.abc import Mapping
from typing import Literal, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import httpx

# The SDK reads this variable while it is imported. A malformed one would end the program there with a traceback,
# and the secret in it, before anybody could say what is wrong.
_hidden = os.environ.pop("CLOUDINARY_URL", None)
import cloudinary  # type: ignore[import-untyped]  # noqa: E402
from cloudinary.utils import api_sign_request, cloudinary_url  # type: ignore[import-untyped]  # noqa: E402

if _hidden is not None:
    os.environ["CLOUDINARY_URL"] = _hidden

FOLDER = "lookreel"
"""Where all our files are, in an account that may have others."""
POSTER = "so_auto"
"""The transformation that makes a video's poster, its first good frame."""

_API = "https://api.cloudinary.com"
_EXTENSIONS = ("mp4", "jpg", "png", "webp", "gif")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_SIGNATURE = r"s--(?:[A-Za-z0-9_-]{8}|[A-Za-z0-9_-]{32})--"
_ASSET_PATH = re.compile(
    rf"/(?P<resource_type>image|video)/(?:(?P<delivery>upload)|authenticated/{_SIGNATURE})/"
    rf"(?P<derivation>{POSTER}/)?(?:v[0-9]+/)?"
    rf"(?P<public_id>{FOLDER}/{_NAME.pattern})\.(?:{'|'.join(_EXTENSIONS)})"
)


Delivery = Literal["upload", "authenticated"]
"""Whether an address needs no signature, or is answered with one only."""


class Asset(NamedTuple):
    """What an address of ours names. Derived ones, such as posters, come and go with their originals."""

    resource_type: str
    public_id: str
    is_derived: bool = False
    delivery: Delivery = "upload"

    def parameters(self) -> dict[str, str]:
        """Return what names it in requests to the upload API."""
        named = {"public_id": self.public_id, "invalidate": "true"}
        return named if self.delivery == "upload" else named | {"type": self.delivery}


class Account:
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
        self._has_long_signatures = options.long_url_signature == "true"
        self._roots = self._delivery_roots(prefix)

    def basic_auth(self) -> httpx.BasicAuth:
        """Return what the Admin API is asked with."""
        return httpx.BasicAuth(self._key, self._secret)

    def signed(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """Return the parameters of a request to the upload API, with what makes it ours."""
        timed = {**parameters, "timestamp": str(int(time.time()))}
        signature = api_sign_request(timed, self._secret, self._algorithm, self._signature_version)
        return {**timed, "signature": signature, "api_key": self._key}

    def address(self, asset: Asset, extension: str, derivation: str | None = None) -> str:
        """Return the URL of the newest version. All is told, so that the SDK looks up nothing in its global state."""
        url, _ = cloudinary_url(
            asset.public_id,
            resource_type=asset.resource_type,
            type=asset.delivery,
            raw_transformation=derivation,
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
            sign_url=asset.delivery == "authenticated",
            api_secret=self._secret,
            signature_algorithm=self._algorithm,
            long_url_signature=self._has_long_signatures,
            auth_token=False,
        )
        return str(url)

    def asset_at(self, address: str) -> Asset | None:
        """Return None for an address that is none of this account's, or not in our folder."""
        for root in self._roots:
            if address.startswith(root) and (path := _ASSET_PATH.fullmatch(address, len(root))):
                delivery: Delivery = "upload" if path["delivery"] else "authenticated"
                return Asset(path["resource_type"], path["public_id"], path["derivation"] is not None, delivery)
        return None

    def poster_url(self, asset: Asset, url: str) -> str:
        """Return the URL of a video's first good frame, at the place where this video is delivered."""
        root, path = url.rsplit(f"/{asset.delivery}/", 1)
        unsigned = re.sub(rf"^{_SIGNATURE}/", "", path)
        signature = re.search(rf"{_SIGNATURE}/", self.address(asset, "jpg", POSTER))
        signed = f"{signature[0] if signature else ''}{POSTER}/{unsigned.removesuffix('.mp4')}.jpg"
        return f"{root}/{asset.delivery}/{signed}"

    def _delivery_roots(self, upload_prefix: str) -> list[str]:
        """Return what our addresses begin with. A server of one's own in place of the API delivers, too."""
        own = self.address(Asset("image", "any"), "jpg").removesuffix("/image/upload/any.jpg")
        shared = [f"https://{cloudinary.SHARED_CDN}/{self.cloud_name}", f"https://{self.cloud_name}-res.cloudinary.com"]
        return [own, *shared, *([f"{upload_prefix}/{self.cloud_name}"] if upload_prefix else [])]


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


def video_asset(video_job_id: UUID, delivery: Delivery = "upload") -> Asset:
    """Return what a job's video is stored as."""
    return Asset("video", f"{FOLDER}/{video_job_id}", delivery=delivery)


def image_asset(name: str, extension: str, delivery: Delivery = "upload") -> Asset:
    """Return what an image is stored as; raises `ValueError` for a name that is not one for us."""
    if not _NAME.fullmatch(name) or extension not in _EXTENSIONS:
        raise ValueError(f"Not a name for an image: {f'{name}.{extension}'!r}")
    return Asset("image", f"{FOLDER}/{name}", delivery=delivery)
