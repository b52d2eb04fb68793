"""Stored files over HTTP: only names of ours, only by addresses that were given out (decision 27)."""

import mimetypes
import re
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from auth.signed_paths import AddressRefused, PlainPaths
from providers.local_disk.storage import MEDIA_PATH

# What the local storage writes, and the sample look's image.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,200}\.(mp4|jpg|png|webp|gif|svg)")
# A file is shown wherever its address is known, and runs nothing there, whatever was uploaded.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


class MediaFiles(StaticFiles):
    """Serves a folder with Range requests (RFC 9110, section 14) and validators, to whoever has a valid address."""

    def __init__(self, folder: Path, addresses: PlainPaths) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Python knows this one from the operating system's list only.
        mimetypes.add_type("image/webp", ".webp")
        super().__init__(directory=folder)
        self._addresses = addresses

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer one request.

        Raises:
            HTTPException: 404 for what is no file of ours, 403 where the address is not valid

        """
        if not _NAME.fullmatch(path):
            raise HTTPException(404)
        try:
            left = self._addresses.seconds_left(f"{MEDIA_PATH}/{path}", scope["query_string"].decode("latin-1"))
        except AddressRefused as refused:
            raise HTTPException(403, str(refused), {**HEADERS, "Cache-Control": "no-store"}) from None
        response = await super().get_response(path, scope)
        response.headers.update({**HEADERS, "Cache-Control": f"private, max-age={left}"})
        return response
