"""Google's Veo by way of the Gemini Enterprise Agent Platform (the former Vertex AI)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from google import genai
from google.genai import types

from providers.google_client import LONGEST_CALL_SECONDS
from providers.google_generator import DOWNLOADS_AT_ONCE, GoogleAccess, GoogleGenerator
from providers.result_files import result_file
from providers.veo.errors import failed_download, failed_operation, failed_poll, failed_submit, filtered
from providers.veo.operations import VeoOperation
from providers.veo.requests import config_of, image_of
from resolvers.ports import (
    Generated,
    GenerationFailed,
    GenerationRequest,
    GeneratorUnreachable,
    ResultUnreadable,
    StillGenerating,
    SubmissionUncertain,
)


@dataclass(frozen=True, kw_only=True)
class VeoAccess(GoogleAccess):
    """An API key is one of the express mode; `location` is the project's region."""

    location: str

    def client(self, options: types.HttpOptions) -> genai.Client:
        """See `GoogleAccess`."""
        if self.api_key:
            # With a location as well, the SDK would ask for `projects/None/locations/...`.
            return genai.Client(enterprise=True, api_key=self.api_key, http_options=options)
        if self.project:
            return genai.Client(enterprise=True, project=self.project, location=self.location, http_options=options)
        raise ValueError("Veo needs a project or an API key")


class VeoGenerator(GoogleGenerator):
    """One large result at a time is in memory."""

    def __init__(self, access: VeoAccess) -> None:
        super().__init__(access, failed_submit)
        self._downloads = asyncio.Semaphore(DOWNLOADS_AT_ONCE)

    async def _submitted(self, request: GenerationRequest) -> str:
        source = types.GenerateVideosSource(prompt=request.prompt, image=image_of(request.initial_image))
        config = config_of(request, self._access.folder_of(request))
        with self._http.call() as call:
            try:
                async with asyncio.timeout(LONGEST_CALL_SECONDS):
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

    async def _found(self, operation_name: str) -> "StillGenerating | Generated | _InBucket":
        operation = VeoOperation.model_validate({"name": operation_name})
        try:
            async with asyncio.timeout(LONGEST_CALL_SECONDS):
                operation = await self._client.aio.operations.get(operation)
        except Exception as error:
            raise failed_poll(error) from error
        if not operation.done and not operation.name:
            raise ResultUnreadable("The answer is no operation")
        if not operation.done:
            return self._later()
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
            raise GeneratorUnreachable(f"The video could not be written to the scratch folder: {error}") from error

    async def _downloaded(self, found: "_InBucket") -> Generated:
        try:
            file = await result_file(self._access.scratch, partial(self._buckets.download, found.address))
        except Exception as error:
            raise failed_download(error, found.address) from error
        return Generated(file, is_temporary=True, warnings=found.warnings)


@dataclass(frozen=True)
class _InBucket:
    """Done, but the video is still in Cloud Storage."""

    address: str
    warnings: Sequence[str]


def _video(response: types.GenerateVideosResponse) -> types.Video:
    """Return the one video that there is.

    Raises GenerationFailed: filtered, or nothing at all.
    """
    for generated in response.generated_videos or ():
        if generated.video and (generated.video.video_bytes or generated.video.uri):
            return generated.video
    if response.rai_media_filtered_count or response.rai_media_filtered_reasons:
        raise filtered(" ".join(_filter_reasons(response)) or "no reason given.")
    raise GenerationFailed("EMPTY_RESULT", "The generator finished without a video. Create a new video job.")


def _filter_reasons(response: types.GenerateVideosResponse) -> Sequence[str]:
    return response.rai_media_filtered_reasons or ()
