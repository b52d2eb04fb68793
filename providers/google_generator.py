"""What Google's generators have in common: how they are reached, and how much they do at once."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from google import genai
from google.cloud.storage import Blob, Client  # type: ignore[import-untyped]
from google.genai import types

from providers.google_client import LONGEST_CALL_SECONDS, CallingClient, sdk_options
from resolvers.ports import GenerationRequest, GeneratorUnreachable, NotAccepted, StillGenerating, SubmissionUncertain

POLLS_AT_ONCE = 32
DOWNLOADS_AT_ONCE = 2
BUCKET_SECONDS = 60.0
# On its way out, an image is in memory about five times. Submits with more than this go one after the other.
LARGE_SUBMIT_BYTES = 4 * 1024**2


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
class GoogleAccess(ABC):
    """How to reach Google: with an API key, else as a project with Application Default Credentials.

    `base_url` stands for Google's own host, without a version or path; `api_version` is the SDK's own where it is None.
    `output_gcs_uri` (`gs://bucket/folder`) makes Google leave its videos there. `scratch` is a folder for videos on
    their way to the storage. `timeout_seconds` is for each connecting, and for each wait for bytes.
    """

    project: str | None = None
    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    api_version: str | None = None
    poll_seconds: float
    output_gcs_uri: str | None = None
    scratch: Path
    timeout_seconds: float = 60.0

    @abstractmethod
    def client(self, options: types.HttpOptions) -> genai.Client:
        """Return the SDK's client; raises ValueError where there is neither a project nor a key."""

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
        options = sdk_options(self._http, access.base_url, access.timeout_seconds, access.api_version)
        self._client = access.client(options)
        self._buckets = BucketResults()
        self._polls = asyncio.Semaphore(POLLS_AT_ONCE)
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
        with self._http.call() as call:
            try:
                async with asyncio.timeout(LONGEST_CALL_SECONDS):
                    await self._client.aio.models.get(model=model)
            except Exception as error:
                meaning = self._meaning_of(error, model, went_out=call.went_out)
                if isinstance(meaning, NotAccepted | SubmissionUncertain):  # there was nothing to accept
                    meaning = GeneratorUnreachable(str(meaning))
                raise meaning from error

    @abstractmethod
    async def _submitted(self, request: GenerationRequest) -> str: ...

    def _later(self) -> StillGenerating:
        # Jobs that were submitted together should not be asked about together forever.
        return StillGenerating(None, self._access.poll_seconds * random.uniform(0.8, 1.2))  # noqa: S311
