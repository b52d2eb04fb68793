"""What Google's generators have in common: how they are reached, and how much they do at once.

The HTTP client beneath Google's SDK knows what went out, and lets one large answer at a time into memory.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import ClassVar

import httpx
from google import genai
from google.cloud.storage import Blob, Client  # type: ignore[import-untyped]
from google.genai import types

from providers.result_files import result_file
from providers.tls import trusted_certificates
from resolvers.ports import GenerationRequest, GeneratorUnreachable, NotAccepted, StillGenerating, SubmissionUncertain

POLLS_AT_ONCE = 32
DOWNLOADS_AT_ONCE = 2
BUCKET_SECONDS = 60.0
# On its way out, an image is in memory about five times. Submits with more than this go one after the other.
LARGE_SUBMIT_BYTES = 4 * 1024**2
LARGE_BODY_BYTES = 100_000
# For all of a call: the SDK's timeout is for each wait for bytes, which may come one by one.
LONGEST_CALL_SECONDS = 600.0

# The pool has no limit of its own, which would turn waiting for a connection into an error; callers limit themselves.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=5.0)


class Call:
    """One call of the SDK, from its beginning until its caller is done with the answer."""

    def __init__(self, turn: asyncio.Lock) -> None:
        self._turn = turn
        self._has_turn = False
        self.went_out = False
        """Whether a request was about to leave. If not, nothing has been asked of the other side for sure."""

    async def wait_for_turn(self) -> None:
        """Wait until no other call has a large answer in memory."""
        if not self._has_turn:
            await self._turn.acquire()
            self._has_turn = True

    def end(self) -> None:
        """Let the next one have its large answer."""
        if self._has_turn:
            self._has_turn = False
            self._turn.release()


class CallingClient:
    """An `httpx.AsyncClient` to hand to the SDK, and the calls made through it.

    Hooks do it rather than a transport of our own, with which httpx would ignore the environment's proxies.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._current: ContextVar[Call | None] = ContextVar("call", default=None)
        self.client = httpx.AsyncClient(
            event_hooks={"request": [self._note], "response": [self._hold_back]},
            limits=_LIMITS,
            verify=trusted_certificates(),
        )

    @contextmanager
    def call(self) -> Iterator[Call]:
        """Watch what this task asks of the client. A large answer has its turn until the end of the block."""
        call = Call(self._turn)
        token = self._current.set(call)
        try:
            yield call
        finally:
            self._current.reset(token)
            call.end()

    async def _note(self, _: httpx.Request) -> None:
        if call := self._current.get():
            call.went_out = True

    async def _hold_back(self, response: httpx.Response) -> None:
        """Come between the connection and its reader, once the head of the answer is there."""
        call = self._current.get()
        if call and isinstance(response.stream, httpx.AsyncByteStream):
            announced = response.headers.get("Content-Length", "")
            response.stream = _HeldBack(response.stream, call, int(announced) if announced.isdecimal() else 0)


class _HeldBack(httpx.AsyncByteStream):
    """The body of an answer, which waits for its turn as soon as it is known to be large.

    No read is under way meanwhile, so no timeout of the connection runs.
    """

    def __init__(self, body: httpx.AsyncByteStream, call: Call, announced_bytes: int) -> None:
        self._body: httpx.AsyncByteStream | None = body
        self._call = call
        self._known_bytes = announced_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read_bytes = 0
        if self._known_bytes > LARGE_BODY_BYTES:
            await self._call.wait_for_turn()
        if self._body is None:
            raise httpx.StreamClosed
        async for chunk in self._body:
            read_bytes += len(chunk)
            if read_bytes > LARGE_BODY_BYTES:
                await self._call.wait_for_turn()
            yield chunk

    async def aclose(self) -> None:
        """Let go of httpx's stream, which refers back to the answer: as a cycle, they would stay in memory for long."""
        body, self._body = self._body, None
        if body:
            await body.aclose()


class BucketResults:
    """Downloads from `gs://` addresses with the Application Default Credentials, in whichever thread it is called.

    With STORAGE_EMULATOR_HOST set, the library goes there instead, and needs no credentials.
    """

    def __init__(self) -> None:
        self._client: Client | None = None
        self._making = Lock()

    def download(self, address: str, target: Path) -> None:
        """Write the object to the file, tried once.

        Raises:
            google.api_core.exceptions.NotFound: there is no such object
            Exception: Google's libraries, and requests below them, raise dozens of kinds

        """
        blob = Blob.from_uri(address, client=self._connected())
        blob.download_to_filename(str(target), timeout=BUCKET_SECONDS, retry=None)

    def close(self) -> None:
        """Let go of connections."""
        if self._client is not None:
            self._client.close()

    def _connected(self) -> Client:
        """Look for credentials no sooner than needed: it takes seconds where there are none."""
        with self._making:
            if self._client is None:
                self._client = Client()
            return self._client


@dataclass(frozen=True, kw_only=True)
class GoogleAccess:
    """How to reach Google: with an API key, else as a project with Application Default Credentials.

    `location` is the project's region. `base_url` stands for Google's own host, without a version or path;
    `api_version` is the SDK's own where it is None.
    `output_gcs_uri` (`gs://bucket/folder`) makes Google leave its videos there. `scratch` is a folder for videos on
    their way to the storage. `timeout_seconds` is for each connecting, and for each wait for bytes.
    """

    key_is_enterprise: ClassVar = False
    project: str | None = None
    location: str = "global"
    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    api_version: str | None = None
    poll_seconds: float
    output_gcs_uri: str | None = None
    scratch: Path
    timeout_seconds: float = 60.0

    def client(self, options: types.HttpOptions) -> genai.Client:
        """Return the SDK's client; raises ValueError where there is neither a project nor a key."""
        if self.api_key:
            # `enterprise` in words, or the environment's GOOGLE_GENAI_USE_VERTEXAI would decide. With a location as
            # well, the SDK would ask for `projects/None/locations/...`.
            return genai.Client(enterprise=self.key_is_enterprise, api_key=self.api_key, http_options=options)
        if self.project:
            return genai.Client(enterprise=True, project=self.project, location=self.location, http_options=options)
        raise ValueError("Google's generators need a project or an API key")

    def folder_of(self, request: GenerationRequest) -> str | None:
        """Return where Google leaves the video, a folder for each attempt of a job; None for nowhere."""
        folder = f"{request.video_job_id}-{request.attempt}/"
        return f"{self.output_gcs_uri.rstrip('/')}/{folder}" if self.output_gcs_uri else None


class GoogleGenerator(ABC):
    """Sends nothing twice by itself. Raises ValueError where the access names neither a project nor an API key.

    `meaning_of` is a provider's table from what the SDK raises at a submit to the errors of `VideoGenerator`.
    """

    submitting_costs = True

    def __init__(self, access: GoogleAccess, meaning_of: Callable[..., Exception]) -> None:
        self._access = access
        self._meaning_of = meaning_of
        self._http = CallingClient()
        certificates = trusted_certificates()
        self._client = access.client(
            types.HttpOptions(
                # The SDK sends a submit up to five times by its own retries, each of which may be accepted and paid
                # for, and twice by aiohttp's, which a client of ours rules out.
                retry_options=types.HttpRetryOptions(attempts=1),
                httpx_async_client=self._http.client,
                client_args={"verify": certificates},
                async_client_args={"verify": certificates, "ssl": certificates},
                base_url=access.base_url,
                api_version=access.api_version,
                timeout=round(access.timeout_seconds * 1000),
            )
        )
        self._buckets = BucketResults()
        self._polls = asyncio.Semaphore(POLLS_AT_ONCE)
        self._downloads = asyncio.Semaphore(DOWNLOADS_AT_ONCE)
        self._large_submits = asyncio.Semaphore(1)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aio.aclose()
        self._client.close()
        await self._http.client.aclose()  # the SDK leaves alone what it was given
        await asyncio.to_thread(self._buckets.close)

    async def submit(self, request: GenerationRequest) -> str:
        """Start generating; return the operation's name (the errors are those of `VideoGenerator`)."""
        is_large = sum(len(image.data) for image in request.images) > LARGE_SUBMIT_BYTES
        async with self._large_submits if is_large else nullcontext():
            return await self._submitted(request)

    async def check(self, model: str) -> None:
        """Ask for a model, which takes credentials and costs nothing.

        Raises:
            GeneratorMisconfigured: Google does not let us in
            GenerationFailed: there is no such model
            GeneratorUnreachable

        """
        try:
            async with self._asking(model):
                await self._client.aio.models.get(model=model)
        except (NotAccepted, SubmissionUncertain) as meaning:  # there was nothing to accept
            raise GeneratorUnreachable(str(meaning)) from meaning

    @asynccontextmanager
    async def _asking(self, model: str) -> AsyncIterator[None]:
        """Limit how long a submit, or another question about a model, takes; raise what its errors mean."""
        with self._http.call() as call:
            try:
                async with asyncio.timeout(LONGEST_CALL_SECONDS):
                    yield
            except Exception as error:
                raise self._meaning_of(error, model, went_out=call.went_out) from error

    async def _written(self, fill: Callable[[Path], object]) -> Path:
        """Have the video of an answer written to the scratch folder."""
        try:
            return await result_file(self._access.scratch, fill)
        except (OSError, ValueError) as error:
            raise GeneratorUnreachable(f"The video could not be written to the scratch folder: {error}") from error

    @abstractmethod
    async def _submitted(self, request: GenerationRequest) -> str: ...

    def _later(self) -> StillGenerating:
        # Jobs that were submitted together should not be asked about together forever.
        return StillGenerating(None, self._access.poll_seconds * random.uniform(0.8, 1.2))  # noqa: S311
