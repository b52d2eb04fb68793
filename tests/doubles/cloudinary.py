"""A Cloudinary of our own, behind real HTTP: uploads, deletions, pings, delivery, and everything that can go wrong.

Written from Cloudinary's documentation, not with the SDK: it finds out by itself whether a request is signed.
"""

import asyncio
import base64
import hashlib
import random
import re
import secrets
import shutil
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final, Literal

import PIL.Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tests.doubles.cloudinary_protocol import (
    API_KEY,
    API_SECRET,
    CLOUD_NAME,
    Refused,
    Upload,
    check_cloud,
    delivery_signature,
    described,
    error,
    string_to_sign,
)
from tests.doubles.serving import drop, serving_app, until_gone

Trouble = Literal["drop", "drop after", "hang", "HTML"]
"""`drop`: the connection closes before anything was done. `drop after`: it was done, but there is no answer.

`hang`: no answer, for as long as the other side waits. `HTML`: status 500, and a page of a proxy.
"""

_SIGNATURE_LASTS_SECONDS = 3600
_CHUNK_BYTES = 1024 * 1024
_DELIVERED = re.compile(
    r"(?:s--(?P<signature>.{8})--/)?(?P<poster>so_auto/)?(?:v(?P<version>[0-9]+)/)?(?P<public_id>.+)\.(?P<extension>[a-z0-9]+)"
)


@dataclass(frozen=True)
class Refusal:
    """An error as Cloudinary answers it."""

    status: int
    message: str


Fault = Trouble | Refusal

CHAOS: Final[tuple[Fault, ...]] = (
    "drop",
    "drop after",
    "HTML",
    Refusal(420, "Rate Limit Exceeded"),
    Refusal(503, "Service Unavailable"),
)
"""What `failure_rate` does to uploads, deletions and pings, each as often as the others."""


class CloudinaryDouble:
    """The state behind the app; everything is there to be set and read by tests.

    Files are kept in `folder`. The next requests of any kind meet one of `faults` each; with a `failure_rate`, those
    to the API also fail by chance.
    """

    def __init__(self, folder: Path, *, failure_rate: float = 0.0, seed: int = 0) -> None:
        self.url = ""
        """Where it is served, such as `http://127.0.0.1:40123`."""
        self._folder = folder
        self._versions = 1_700_000_000
        self.reset(failure_rate=failure_rate, seed=seed)
        self.app = Starlette(
            routes=[
                Route("/v1_1/{cloud}/ping", self._behind_faults(self._ping)),
                Route("/v1_1/{cloud}/{resource_type}/upload", self._behind_faults(self._upload), methods=["POST"]),
                Route("/v1_1/{cloud}/{resource_type}/destroy", self._behind_faults(self._destroy), methods=["POST"]),
                Route("/{cloud}/{resource_type}/{type}/{rest:path}", self._behind_faults(self._deliver)),
            ]
        )

    def reset(self, *, failure_rate: float = 0.0, seed: int = 0) -> None:
        """Forget everything, so that several tests can share a server."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self.uploads: list[Upload] = []
        self.files: dict[tuple[str, str], Upload] = {}
        """What is there now, by resource type and public id."""
        self.destroyed: list[tuple[str, str]] = []
        self.parameters: list[dict[str, str]] = []
        """Of each signed request that was let in, without the file."""
        self.faults: deque[Fault] = deque()
        self.faults_of: defaultdict[str, deque[Fault]] = defaultdict(deque)
        """Those that only uploads of a public id meet."""
        self.failure_rate = failure_rate
        self.failures: Counter[str] = Counter()
        """The faults that requests met, scripted and by chance."""
        self.uploading = 0
        self.most_uploading = 0
        self.delivered_at: str | None = None
        """Where uploads are said to be delivered, if not here."""
        self.answering = asyncio.Event()
        """Closed, it holds back uploads that have arrived."""
        self.answering.set()
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["CloudinaryDouble"]:
        """Serve on a free port of this machine."""
        async with serving_app(self.app) as self.url:
            yield self

    @property
    def cloudinary_url(self) -> str:
        """What to configure the storage with."""
        return f"cloudinary://{API_KEY}:{API_SECRET}@{CLOUD_NAME}?upload_prefix={self.url}"

    def uploads_of(self, public_id: str) -> int:
        """Return how often a file of that public id arrived."""
        return sum(upload.public_id == public_id for upload in self.uploads)

    def _behind_faults(
        self, endpoint: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            fault = self._next_fault(request, await self._faults_for(request))
            try:
                if fault is None or fault == "drop after":
                    response = await endpoint(request)
                    return await _lost(request, response) if fault else response
                return await _failed(request, fault)
            except Refused as refused:
                return refused.response

        return answer

    async def _faults_for(self, request: Request) -> deque[Fault]:
        body = await request.body() if self.faults_of else b""
        return next((faults for id_, faults in self.faults_of.items() if id_.encode() in body), self.faults)

    def _next_fault(self, request: Request, faults: deque[Fault]) -> Fault | None:
        fault: Fault | None = None
        if faults:
            fault = faults.popleft()
        elif request.url.path.startswith("/v1_1/") and self._chance.random() < self.failure_rate:
            fault = self._chance.choice(CHAOS)
        if fault is not None:
            self.failures[fault if isinstance(fault, str) else str(fault.status)] += 1
        return fault

    async def _ping(self, request: Request) -> Response:
        check_cloud(request)
        expected = "Basic " + base64.b64encode(f"{API_KEY}:{API_SECRET}".encode()).decode()
        if not secrets.compare_digest(request.headers.get("Authorization", ""), expected):
            raise Refused(401, "Invalid credentials")
        return JSONResponse({"status": "ok"})

    async def _upload(self, request: Request) -> Response:
        self.uploading += 1
        self.most_uploading = max(self.most_uploading, self.uploading)
        try:
            async with request.form() as form:  # larger files are spooled to the disk
                await self.answering.wait()
                parameters = self._let_in(request, {name: str(form[name]) for name in form if name != "file"})
                file = form.get("file")
                if not isinstance(file, UploadFile):
                    raise Refused(400, "Missing required parameter - file")
                upload = await self._keep(request.path_params["resource_type"], parameters, file)
        finally:
            self.uploading -= 1
        return JSONResponse(described(upload, self._delivery_url(upload)))

    async def _destroy(self, request: Request) -> Response:
        async with request.form() as form:
            parameters = self._let_in(request, {name: str(form[name]) for name in form})
        key = request.path_params["resource_type"], parameters["public_id"]
        gone = self.files.get(key)
        if gone is None or gone.type != parameters.get("type", "upload"):
            return JSONResponse({"result": "not found"})
        del self.files[key]
        gone.path.unlink()
        self.destroyed.append(key)
        return JSONResponse({"result": "ok"})

    async def _deliver(self, request: Request) -> Response:
        check_cloud(request)
        asked = _DELIVERED.fullmatch(request.path_params["rest"])
        upload = self.files.get((request.path_params["resource_type"], asked["public_id"])) if asked else None
        if asked is None or upload is None or upload.type != request.path_params["type"]:
            return Response(status_code=404, headers={"X-Cld-Error": "Resource not found"})
        signed = f"{asked['poster'] or ''}{asked['public_id']}.{asked['extension']}"
        if upload.type == "authenticated" and asked["signature"] != delivery_signature(signed):
            return Response(status_code=401, headers={"X-Cld-Error": "Invalid signature"})
        if asked["poster"] and asked["extension"] == "jpg" and upload.resource_type == "video":
            return Response(_jpeg(), media_type="image/jpeg")
        if asked["poster"] or asked["extension"] != upload.extension:
            return Response(status_code=400, headers={"X-Cld-Error": "Not converted by this double"})
        return FileResponse(upload.path)

    def _let_in(self, request: Request, parameters: dict[str, str]) -> dict[str, str]:
        """Return the parameters of a request that is ours and fresh."""
        check_cloud(request)
        if parameters.get("api_key") != API_KEY:
            raise Refused(401, "Unknown API key")
        to_sign = string_to_sign(parameters)
        expected = hashlib.sha1(f"{to_sign}{API_SECRET}".encode()).hexdigest()  # noqa: S324 - as Cloudinary does it
        if not secrets.compare_digest(parameters.get("signature", ""), expected):
            message = f"Invalid Signature {parameters.get('signature')}. String to sign - '{to_sign}'."
            raise Refused(401, message)
        if abs(time.time() - int(parameters["timestamp"])) > _SIGNATURE_LASTS_SECONDS:
            raise Refused(400, f"Stale request - reported time is {parameters['timestamp']}")
        self.parameters.append(parameters)
        return parameters

    async def _keep(self, resource_type: str, parameters: Mapping[str, str], file: UploadFile) -> Upload:
        public_id, type_ = parameters["public_id"], parameters.get("type", "upload")
        self._versions += 1
        version = self._versions
        extension = Path(file.filename or "").suffix.removeprefix(".")
        path = self._folder / f"{public_id.replace('/', '-')}-v{version}.{extension}"
        size, sha256 = await _copied(file, path)
        if not size:
            raise Refused(400, "Empty file")
        upload = Upload(resource_type, public_id, extension, version, size, sha256, path, type_)
        if earlier := self.files.get(upload.key):
            earlier.path.unlink()
        self.files[upload.key] = upload
        self.uploads.append(upload)
        return upload

    def _delivery_url(self, upload: Upload) -> str:
        place = f"{self.delivered_at or self.url}/{CLOUD_NAME}/{upload.resource_type}/{upload.type}"
        name = f"{upload.public_id}.{upload.extension}"
        signature = f"s--{delivery_signature(name)}--/" if upload.type == "authenticated" else ""
        return f"{place}/{signature}v{upload.version}/{name}"


async def _failed(request: Request, fault: Fault) -> Response:
    """Answer a request of which nothing is done; its body is read, as a proxy would."""
    async for _ in request.stream():
        pass
    match fault:
        case Refusal(status, message):
            return error(status, message)
        case "HTML":
            return HTMLResponse("<html><body><h1>500 Internal Server Error</h1></body></html>", status_code=500)
        case "hang":
            await until_gone(request)
        case _:
            await drop(request)
    return Response()


async def _lost(request: Request, response: Response) -> Response:
    await drop(request)
    return response


async def _copied(file: UploadFile, path: Path) -> tuple[int, str]:
    """Return the size in bytes and the SHA-256 in hex."""
    size, digest = 0, hashlib.sha256()
    await run_in_threadpool(path.parent.mkdir, parents=True, exist_ok=True)
    with await run_in_threadpool(path.open, "wb") as target:
        while chunk := await file.read(_CHUNK_BYTES):
            await run_in_threadpool(target.write, chunk)
            await run_in_threadpool(digest.update, chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def _jpeg() -> bytes:
    target = BytesIO()
    PIL.Image.new("RGB", (16, 9), "teal").save(target, "JPEG")
    return target.getvalue()
