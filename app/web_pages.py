"""The pages for people: Studio at `/`, GraphiQL at `/graphql`, Swagger UI at `/docs`; what a browser may do with them.

Studio's files are as they are in `studio/`.
"""

import base64
import hashlib
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app import web_files
from app.settings import Settings
from app.web_files import WebFile
from schema.playground import NEW_VIDEO, TABS

TEMPLATES = Path(__file__).parent / "pages"
CDN = "https://cdn.jsdelivr.net/npm"
# Relative, as all addresses in the pages: so they work behind a proxy that adds a prefix, too.
WEB_PATH = "web"
OWN_SOCKETS = "<own sockets>"
# A file's address has its version in it.
A_YEAR = "public, max-age=31536000, immutable"

STUDIO = Path(__file__).parent.parent / "studio"
MEDIA_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
HOME = "index.html"
DEMO_PATH = "studio/demo"
# What the page is told of this server, at the place of this comment.
SERVER = "<!-- server -->"
CLOUDINARY = "https://*.cloudinary.com"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Page:
    """A page, or a file of one, with everything filled in; its policy is without the host, which a request says."""

    content: bytes
    media_type: str
    policy: str

    @cached_property
    def tag(self) -> str:
        """Made of the content: times of files say nothing in an installed package."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'

    def response(self, request: Request) -> Response:
        """Return a response of its own, since middleware writes into its headers; 304 where a browser has the page."""
        scheme = "wss" if request.url.scheme == "https" else "ws"
        headers = {
            # Not all browsers count this host's WebSockets as 'self'.
            "Content-Security-Policy": self.policy.replace(
                OWN_SOCKETS, f"{scheme}://{request.headers.get('host', '')}"
            ),
            "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
            "ETag": self.tag,
        }
        known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
        if known & {self.tag, "*"}:
            return Response(status_code=304, headers=headers)
        return Response(self.content, headers=headers, media_type=f"{self.media_type}; charset=utf-8")

    async def answer(self, request: Request) -> Response:
        """Answer a request, as a route does."""
        return self.response(request)


class WebFiles(StaticFiles):
    """The pages' files, served to be kept by browsers; the folder may not be there, or come later."""

    async def check_config(self) -> None:
        """Accept any folder: without one, there is no file."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file.

        Raises HTTPException: there is none of that name, or it cannot be read.
        """
        try:
            response = await super().get_response(path, scope)
        except (OSError, ValueError):
            raise HTTPException(404) from None
        response.headers["Cache-Control"] = A_YEAR
        return response


def playground(folder: Path) -> Page:
    """Return GraphiQL, opened with operations to begin with."""
    return web_page("graphiql.html", web_files.GRAPHIQL, folder, [asdict(tab) for tab in TABS])


def swagger(folder: Path) -> Page:
    """Return Swagger UI."""
    return web_page("swagger.html", web_files.SWAGGER_UI, folder, {"url": "openapi.json", "example": NEW_VIDEO})


def web_page(template: str, files: Sequence[WebFile], folder: Path, data: object) -> Page:
    """Return a page that takes its files from the folder where they are all in it, from the CDN otherwise."""
    is_local = web_files.are_in(folder, files)
    log.debug("%s uses the files of %s", template, folder if is_local else CDN)
    html = (TEMPLATES / template).read_text()
    root = WEB_PATH if is_local else CDN
    filled = html.replace("<!-- files -->", "\n    ".join(_tag(file, root) for file in files))
    filled = filled.replace("<!-- data -->", json.dumps(data).replace("<", "\\u003c"))
    policy = _policy(html, ["'self'"] if is_local else [f"{root}/{file.name}" for file in files])
    return Page(filled.encode(), "text/html", policy)


def _tag(file: WebFile, root: str) -> str:
    # The hash is asked for of our own server's files as well: they may have changed since it started.
    checked = f'integrity="{file.integrity}" crossorigin="anonymous"'
    if file.name.endswith(".css"):
        return f'<link rel="stylesheet" href="{root}/{file.name}" {checked}>'
    return f'<script src="{root}/{file.name}" {checked}></script>'


def _policy(html: str, sources: Sequence[str]) -> str:
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts]
    return content_policy(
        {
            "script-src": [*sources, *hashes],
            # Both user interfaces set styles on their elements.
            "style-src": [*sources, "'unsafe-inline'"],
            "img-src": ["'self'", "data:", "blob:"],
            "font-src": ["data:"],
        }
    )


def content_policy(allowed: Mapping[str, Sequence[str]]) -> str:
    """Return the policy of a page that may do no more than this, and talk to this server."""
    nothing = dict.fromkeys(("default-src", "base-uri", "form-action", "frame-ancestors"), ("'none'",))
    directives = {**nothing, "connect-src": ["'self'", OWN_SOCKETS], **allowed}
    return "; ".join(" ".join([name, *values]) for name, values in directives.items())


class Studio:
    """All files of the page, read once: they are few and small, and no path of a request reaches the disk."""

    def __init__(self, settings: Settings, *, has_demo: bool) -> None:
        server = f'<meta name="demo" content="{DEMO_PATH}">' if has_demo else ""
        policy = _studio_policy(["'self'"] if settings.cloudinary_url is None else ["'self'", CLOUDINARY])
        self._files = {
            path.relative_to(STUDIO).as_posix(): Page(
                path.read_bytes().replace(SERVER.encode(), server.encode()), MEDIA_TYPES[path.suffix], policy
            )
            for path in sorted(STUDIO.rglob("*"))
            if path.suffix in MEDIA_TYPES
        }

    def add_to(self, app: Starlette) -> None:
        """Serve the page at `/`, and what it loads below `/studio/`."""
        app.add_route("/", self._answer)
        app.add_route("/studio/{name:path}", self._answer)

    async def _answer(self, request: Request) -> Response:
        file = self._files.get(request.path_params.get("name", HOME))
        if file is None:
            raise HTTPException(404)
        return file.response(request)


def _studio_policy(media: list[str]) -> str:
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
