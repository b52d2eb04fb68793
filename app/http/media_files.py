"""Stored files for players and browsers: only names of ours, only by addresses that were given out (decision 30)."""

import mimetypes
import re
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers, QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from auth.signed_paths import AddressRefused, PlainPaths
from providers.local_disk.storage import MEDIA_PATH

_RANGE = r"(\d{1,18}-\d{0,18}|-\d{1,18})"
RANGES: Final = re.compile(rf"bytes=[ \t]*{_RANGE}([ \t]*,[ \t]*{_RANGE})*[ \t]*", re.IGNORECASE)
_FROM_TO = re.compile(r"(\d+)-(\d+)")
# What the local storage writes, and the sample look's image.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,200}\.(mp4|jpg|png|webp|gif|svg)")
# A file is shown wherever its address is known, and runs nothing there, whatever was uploaded.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


class MediaFiles(StaticFiles):
    """Serves a folder with Range requests (RFC 9110, section 14) and validators, to whoever has a valid address.

    With `download` in its query, a file is saved under its name rather than shown.
    """

    def __init__(self, folder: Path, addresses: PlainPaths) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Python knows this one from the operating system's list only.
        mimetypes.add_type("image/webp", ".webp")
        super().__init__(directory=folder)
        self._addresses = addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; a Range in another unit than bytes, or in a HEAD, or that is no range, asks for the whole file."""
        wanted = Headers(scope=scope).get("range") if scope["type"] == "http" else None
        if wanted is not None and (scope["method"] == "HEAD" or not _is_range(wanted)):
            headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"range"]
            scope = {**scope, "headers": headers}
        await super().__call__(scope, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer one request.

        Raises HTTPException: 404 for what is no file of ours, 403 where the address is not valid.
        """
        if not _NAME.fullmatch(path):
            raise HTTPException(404)
        try:
            left = self._addresses.seconds_left(f"{MEDIA_PATH}/{path}", scope["query_string"].decode("latin-1"))
        except AddressRefused as refused:
            raise HTTPException(403, str(refused), {**HEADERS, "Cache-Control": "no-store"}) from None
        response = await super().get_response(path, scope)
        response.headers.update({**HEADERS, "Cache-Control": f"private, max-age={left}"})
        if "download" in QueryParams(scope["query_string"]):
            response.headers["Content-Disposition"] = f'attachment; filename="{path}"'
        return response


def _is_range(text: str) -> bool:
    """Whether a Range is one in bytes, and none of it ends before it begins (RFC 9110, section 14.1.1)."""
    return RANGES.fullmatch(text) is not None and all(int(start) <= int(end) for start, end in _FROM_TO.findall(text))
