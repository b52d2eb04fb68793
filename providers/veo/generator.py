"""Google's Veo by way of the Gemini Enterprise Agent Platform (the former Vertex AI)."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

from google.genai import types

from db.specification import check_complete
from media.images import Image
from providers.google_generator import LONGEST_CALL_SECONDS, GoogleAccess, GoogleGenerator
from providers.result_files import result_file
from providers.veo.errors import failed_download, failed_operation, failed_poll, failed_submit, filtered
from resolvers.ports import (
    Generated,
    GenerationFailed,
    GenerationRequest,
    ResultUnreadable,
    StillGenerating,
    SubmissionUncertain,
)

# What of a specification the SDK's configuration has under the same names; the rest goes other ways, or not to Google.
_IN_CONFIG = ("duration_seconds", "aspect_ratio", "resolution", "generate_audio")
check_complete(__name__, {*_IN_CONFIG, "prompt", "model", "mock_mode"})
_BLANK = re.compile(r"\s")
_ENCODED = "bytesBase64Encoded"


@dataclass(frozen=True, kw_only=True)
class VeoAccess(GoogleAccess):
    """An API key is one of the express mode."""

    key_is_enterprise: ClassVar = True


class VeoGenerator(GoogleGenerator):
    """One large result at a time is in memory."""

    def __init__(self, access: VeoAccess) -> None:
        super().__init__(access, failed_submit)

    async def _submitted(self, request: GenerationRequest) -> str:
        source = types.GenerateVideosSource(prompt=request.prompt, image=_image_of(request.initial_image))
        config = _config_of(request, self._access.folder_of(request))
        async with self._asking(request.model):
            operation = await self._client.aio.models.generate_videos(model=request.model, source=source, config=config)
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
        operation = _VeoOperation.model_validate({"name": operation_name})
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
            data = video.video_bytes
            file = await self._written(lambda path: path.write_bytes(data))
            return Generated(file, is_temporary=True, warnings=warnings)
        return _InBucket(str(video.uri), warnings)

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


def _config_of(request: GenerationRequest, output_gcs_uri: str | None) -> types.GenerateVideosConfig:
    """Return all but the prompt and the first image. Of personGeneration, each value is refused for someone."""
    return types.GenerateVideosConfig(
        number_of_videos=1,
        **{name: getattr(request, name) for name in _IN_CONFIG},
        last_frame=_image_of(request.end_frame),
        reference_images=[_reference_image(image) for image in request.reference_images] or None,
        output_gcs_uri=output_gcs_uri,
    )


def _image_of(image: Image | None) -> types.Image | None:
    return types.Image(image_bytes=image.data, mime_type=image.media_type) if image else None


def _reference_image(image: Image) -> types.VideoGenerationReferenceImage:
    kind = types.VideoGenerationReferenceType.ASSET
    return types.VideoGenerationReferenceImage(image=_image_of(image), reference_type=kind)


class _VeoOperation(types.GenerateVideosOperation):
    """An operation whose videos' base64 may have line breaks, and whose error may be a bare text."""

    @classmethod
    def from_api_response(cls, api_response: Any, is_vertex_ai: bool = False) -> Self:  # noqa: ANN401, FBT001, FBT002 - the SDK's signature
        """Read an answer, which is changed on the way: a copy of a video would cost its size.

        Raises ValueError: not what an operation looks like; the SDK would take some of it for an empty result.
        """
        if isinstance(api_response, dict):
            if isinstance(error := api_response.get("error"), str):
                api_response["error"] = {"message": error}
            for video in _videos(api_response.get("response")):
                if isinstance(text := video.get(_ENCODED), str) and _BLANK.search(text):
                    video[_ENCODED] = _BLANK.sub("", text)
        return super().from_api_response(api_response, is_vertex_ai)


def _videos(response: object) -> list[dict[str, Any]]:
    videos = response.get("videos") if isinstance(response, Mapping) else response
    if (videos is not None and not isinstance(videos, list)) or isinstance(response, list):
        raise ValueError("The operation's response is no object with a list of videos")
    return [video for video in videos or () if isinstance(video, dict)]
