"""Studio, the page for people: its files as they are in `studio/`, with what a browser may do with them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.settings import Settings
from app.web_pages import content_policy, page_headers, with_own_sockets

FOLDER = Path(__file__).parent.parent / "studio"
MEDIA_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
HOME = "index.html"
DEMO_PATH = "studio/demo"
# What the page is told of this server, at the place of this comment.
SERVER = "<!-- server -->"
CLOUDINARY = "https://*.cloudinary.com"


@dataclass(frozen=True)
class StudioFile:
    """A file in memory. Its tag is made of its content: times of files say nothing in an installed package."""

    content: bytes
    media_type: str
    tag: str

    def response(self, request: Request, policy: str) -> Response:
        """Return the file, or 304 where the browser has it."""
        headers = page_headers(with_own_sockets(policy, request)) | {"ETag": self.tag}
        known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
        if known & {self.tag, "*"}:
            return Response(status_code=304, headers=headers)
        return Response(self.content, headers=headers, media_type=self.media_type)


class Studio:
    """All files of the page, read once: they are few and small, and no path of a request reaches the disk."""

    def __init__(self, settings: Settings, *, has_demo: bool) -> None:
        server = f'<meta name="demo" content="{DEMO_PATH}">' if has_demo else ""
        self._files = {
            path.relative_to(FOLDER).as_posix(): _file(path, server)
            for path in sorted(FOLDER.rglob("*"))
            if path.suffix in MEDIA_TYPES
        }
        self._policy = _policy(["'self'"] if settings.cloudinary_url is None else ["'self'", CLOUDINARY])

    def add_to(self, app: Starlette) -> None:
        """Serve the page at `/`, and what it loads below `/studio/`."""
        app.add_route("/", self._answer)
        app.add_route("/studio/{name:path}", self._answer)

    async def _answer(self, request: Request) -> Response:
        file = self._files.get(request.path_params.get("name", HOME))
        if file is None:
            raise HTTPException(404)
        return file.response(request, self._policy)


def _file(path: Path, server: str) -> StudioFile:
    content = path.read_bytes().replace(SERVER.encode(), server.encode())
    tag = hashlib.sha256(content).hexdigest()[:32]
    return StudioFile(content, f"{MEDIA_TYPES[path.suffix]}; charset=utf-8", f'"{tag}"')


def _policy(media: list[str]) -> str:
    """Nothing is run, styled, loaded or asked that is not this server's or its storage's."""
    return content_policy(
        {
            "script-src": ["'self'"],
            "style-src": ["'self'"],
            "img-src": [*media, "blob:"],
            "media-src": [*media, "blob:"],
            # A text that becomes HTML is a fault, and ends in an error instead of a script.
            "require-trusted-types-for": ["'script'"],
            "trusted-types": ["'none'"],
        }
    )
