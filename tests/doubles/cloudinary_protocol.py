"""What Cloudinary's protocol says: accounts, errors, signatures, and how an upload is described."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

CLOUD_NAME: Final = "demo"
API_KEY: Final = "874837483274837"
API_SECRET: Final = "a676b67565c6767a6767d6767f676fe1"
_UNSIGNED = ("file", "api_key", "signature", "resource_type", "cloud_name")


@dataclass(frozen=True)
class Upload:
    """A file that arrived whole and was kept, whether that was answered or not."""

    resource_type: str
    public_id: str
    extension: str
    version: int
    size: int
    sha256: str
    path: Path
    type: str = "upload"

    @property
    def key(self) -> tuple[str, str]:
        return self.resource_type, self.public_id


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.response = error(status, message)


def delivery_signature(path: str) -> str:
    """Sign what is delivered: derivation, public id and extension, without the version."""
    digest = hashlib.sha1(f"{path}{API_SECRET}".encode()).digest()  # noqa: S324 - as Cloudinary does it
    return base64.urlsafe_b64encode(digest).decode()[:8]


def check_cloud(request: Request) -> None:
    if (cloud := request.path_params["cloud"]) != CLOUD_NAME:
        raise Refused(401, f"Invalid cloud_name {cloud}")


def string_to_sign(parameters: Mapping[str, str]) -> str:
    """Return all but the file, in order of their names; an ampersand within a value must not pass for one between."""
    signed = {name: value for name, value in parameters.items() if name not in _UNSIGNED and value}
    return "&".join(f"{name}={value}".replace("&", "%26") for name, value in sorted(signed.items()))


def error(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message}}, status_code=status, headers={"X-Cld-Error": message})


def described(upload: Upload, url: str) -> dict[str, object]:
    return {
        "asset_id": upload.sha256[:32],
        "public_id": upload.public_id,
        "version": upload.version,
        "resource_type": upload.resource_type,
        "type": upload.type,
        "format": upload.extension,
        "bytes": upload.size,
        "url": url,
        "secure_url": url,
    }
