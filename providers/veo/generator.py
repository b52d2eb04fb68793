"""Google's Veo by way of the Gemini Enterprise Agent Platform (the former Vertex AI)."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from google import genai
from google.api_core.exceptions import NotFound
from google.genai import types

from providers.google_client import CallingClient, check_model, is_large, sdk_options
from providers.result_files import result_file
from providers.veo.bucket import BucketResults
from providers.veo.errors import failed_operation, failed_poll, failed_submit, result_lost
from providers.veo.operations import VeoOperation
from providers.veo.requests import config_of, image_of
from resolvers.ports import (
    Generated,
    GenerationFailed,
    GenerationRequest,
    ResultUnreadable,
    StillGenerating,
    SubmissionUncertain,
)

POLLS_AT_ONCE = 32
DOWNLOADS_AT_ONCE = 2


@dataclass(frozen=True)
class VeoAccess:
    """How to reach Veo: with an API key (express mode), else as a project with Application Default Credentials.

    `location` is the project's region. `base_url` stands for Google's own host, without a version or path.
    `output_gcs_uri` (`gs://bucket/folder`) makes Veo leave its videos there. `scratch` is a folder for videos on
    their way to the storage. `timeout_seconds` is for each connecting, and for each wait for bytes.
    """

    project: str | None
    location: str
    api_key: str | None
    base_url: str | None
    poll_seconds: float
    output_gcs_uri: str | None
    scratch: Path
    timeout_seconds: float = 60.0


class VeoGenerator:
    """Nothing is ever sent twice by itself, and one large result at a time is in memory.

    Raises `ValueError` when the access names neither a project nor an API key.
    """

    submitting_costs = True

    def __init__(self, access: VeoAccess) -> None:
        self._access = access
        self._http = CallingClient()
        self._client = _client(access, self._http)
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
        if not is_large(request):
            return await self._submitted(request)
        async with self._large_submits:
            return await self._submitted(request)

    async def _submitted(self, request: GenerationRequest) -> str:
        source = types.GenerateVideosSource(prompt=request.prompt, image=image_of(request.initial_image))
        config = config_of(request, self._access.output_gcs_uri)
        with self._http.call() as call:
            try:
                operation = await self._client.aio.models.generate_videos(
                    model=request.model, source=source, config=config
                )
            except Exception as error:
                raise failed_submit(error, request.model, went_out=call.went_out) from error
        if not operation.name:
            raise SubmissionUncertain("The answer names no operation")
        return operation.name

    async def poll(self, operation_name: str) -> StillGenerating | Generated:
        """Ask how it is doing, and fetch the video once it is there (the errors are those of `VideoGenerator`)."""
        async with self._polls:
            with self._http.call():
                found = await self._found(operation_name)
        if isinstance(found, _InBucket):
            async with self._downloads:
                return await self._downloaded(found)
        return found

    async def cancel(self, operation_name: str) -> None:
        """Do nothing: Veo's operations cannot be cancelled."""

    async def check(self, model: str) -> None:
        """See `providers.google_client.check_model`."""
        await check_model(self._client, self._http, model, failed_submit)

    async def _found(self, operation_name: str) -> "StillGenerating | Generated | _InBucket":
        operation = VeoOperation.model_validate({"name": operation_name})
        try:
            operation = await self._client.aio.operations.get(operation)
        except Exception as error:
            raise failed_poll(error) from error
        if not operation.done and not operation.name:
            raise ResultUnreadable("The answer is no operation")
        if not operation.done:
            # Jobs that were submitted together should not be asked about together forever.
            return StillGenerating(None, self._access.poll_seconds * random.uniform(0.8, 1.2))  # noqa: S311
        if operation.error:
            raise failed_operation(operation.error)
        response = operation.response or types.GenerateVideosResponse()
        video = _video(response)
        warnings = [f"Part of the result was filtered out: {reason}" for reason in _filter_reasons(response)]
        if video.video_bytes:
            return Generated(await self._written(video.video_bytes), is_temporary=True, warnings=warnings)
        return _InBucket(str(video.uri), warnings)

    async def _written(self, data: bytes) -> Path:
        try:
            return await result_file(self._access.scratch, lambda file: file.write_bytes(data))
        except OSError as error:
            raise ResultUnreadable(f"The video could not be written to the scratch folder: {error}") from error

    async def _downloaded(self, found: "_InBucket") -> Generated:
        try:
            file = await result_file(self._access.scratch, partial(self._buckets.download, found.address))
        except NotFound as error:
            raise result_lost() from error
        except Exception as error:
            raise ResultUnreadable(f"{found.address}: {type(error).__name__}: {error}") from error
        return Generated(file, is_temporary=True, warnings=found.warnings)


@dataclass(frozen=True)
class _InBucket:
    """Done, but the video is still in Cloud Storage."""

    address: str
    warnings: Sequence[str]


def _client(access: VeoAccess, http: CallingClient) -> genai.Client:
    options = sdk_options(http, access.base_url, access.timeout_seconds)
    if access.api_key:
        # With a location as well, the SDK would ask for `projects/None/locations/...`.
        return genai.Client(enterprise=True, api_key=access.api_key, http_options=options)
    if access.project:
        return genai.Client(enterprise=True, project=access.project, location=access.location, http_options=options)
    raise ValueError("Veo needs a project or an API key")


def _video(response: types.GenerateVideosResponse) -> types.Video:
    """Return the one video that there is.

    Raises GenerationFailed: filtered, or nothing at all.
    """
    for generated in response.generated_videos or ():
        if generated.video and (generated.video.video_bytes or generated.video.uri):
            return generated.video
    if response.rai_media_filtered_count or response.rai_media_filtered_reasons:
        reasons = " ".join(_filter_reasons(response)) or "no reason given."
        sentence = f"The generator's safety filter held this video back: {reasons} Change the prompt or the images."
        raise GenerationFailed("CONTENT_FILTERED", sentence)
    raise GenerationFailed("EMPTY_RESULT", "The generator finished without a video. Create a new video job.")


def _filter_reasons(response: types.GenerateVideosResponse) -> Sequence[str]:
    return response.rai_media_filtered_reasons or ()
