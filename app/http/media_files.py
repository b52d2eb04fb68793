"""Stored files for players and browsers (RFC 9110, section 14)."""

import re
from typing import Final

from starlette.datastructures import Headers, QueryParams
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

RANGES: Final = re.compile(r"bytes=[ \t]*(\d+-\d*|-\d+)([ \t]*,[ \t]*(\d+-\d*|-\d+))*[ \t]*", re.IGNORECASE)


class MediaFiles(StaticFiles):
    """A folder of files. With `?download` in its address, a file is saved under its name rather than shown."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; a Range in another unit than bytes, or in a HEAD, or that is no range, asks for the whole file."""
        wanted = Headers(scope=scope).get("range") if scope["type"] == "http" else None
        if wanted is not None and (scope["method"] == "HEAD" or not RANGES.fullmatch(wanted)):
            headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"range"]
            scope = {**scope, "headers": headers}
        await super().__call__(scope, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file, or raise what is wrong with the request."""
        response = await super().get_response(path, scope)
        if "download" in QueryParams(scope["query_string"]):
            response.headers["Content-Disposition"] = f'attachment; filename="{path}"'
        return response
