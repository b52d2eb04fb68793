"""Gemini Omni by way of the Interactions API: with a key of the Developer API, else as a Google Cloud project."""

import asyncio
import logging
from base64 import b64decode
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from google.genai import types
from google.genai.errors import APIError
from google.genai.interactions import Interaction

from media.video_properties import NotAVideo
from media.videos import check_outline
from providers.google_generator import LONGEST_CALL_SECONDS, GoogleAccess, GoogleGenerator
from providers.omni.answers import tokens_of, video_in
from providers.omni.errors import failed_file, failed_poll, failed_submit
from providers.omni.requests import body_of
from providers.result_files import filled_file, result_file
from resolvers.ports import (
    Generated,
    GenerationFailed,
    GenerationRequest,
    GeneratorUnreachable,
    ResultUnreadable,
    StillGenerating,
    SubmissionUncertain,
)

_log = logging.getLogger("lookreel.providers")

CANCEL_SECONDS = 10.0
DOWNLOAD_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class OmniAccess(GoogleAccess):
    """A project is served from the location `global` only; its videos come with the answer without `output_gcs_uri`.

    `api_version` is `v1beta` or what comes after it; the SDK's own `v1` was seen by nobody. `labelled` says that
    submits name their job.
    """

    labelled: bool


class OmniGenerator(GoogleGenerator):
    """Asks for interactions, whose ids are the operations' names."""

    def __init__(self, access: OmniAccess) -> None:
        super().__init__(access, failed_submit)
        self._labelled = access.labelled

    async def _submitted(self, request: GenerationRequest) -> str:
        body = body_of(request, self._delivery(request), labelled=self._labelled)
        async with self._asking(request.model):
            await self._have_token()
            interaction = await self._client.aio.interactions.create(**body)
        if not isinstance(interaction, Interaction) or not interaction.id:
            raise SubmissionUncertain("The answer names no interaction")
        return interaction.id

    async def poll(self, operation_name: str) -> StillGenerating | Generated:
        """Ask how it is doing, and fetch the video once it is there (the errors are those of `VideoGenerator`)."""
        async with self._polls:
            with self._http.call():
                interaction = await self._interaction(operation_name)
                try:
                    video, tokens = video_in(interaction), tokens_of(interaction)
                except (AttributeError, TypeError, ValueError) as error:
                    # The SDK lets answers through that are of other types than it says.
                    raise ResultUnreadable(f"{type(error).__name__}: {error}") from error
                if video is None:
                    return self._later()
                if not video.uri:
                    return Generated(await self._decoded(video.data), is_temporary=True, tokens=tokens)
        file = await self._fetched(video.uri)
        return self._later() if file is None else Generated(file, is_temporary=True, tokens=tokens)

    async def cancel(self, operation_name: str) -> None:
        """Ask Google to stop; where that does not work, it runs to its end. It may be billed either way."""
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                await self._have_token()
                await self._client.aio.interactions.cancel(operation_name)
        except Exception as error:  # noqa: BLE001 - 400 and 404 are usual, and nothing depends on it
            _log.info("The interaction %s could not be cancelled: %s", operation_name, error)

    async def _interaction(self, id_: str) -> Interaction:
        try:
            async with asyncio.timeout(LONGEST_CALL_SECONDS):
                await self._have_token()
                answer = await self._client.aio.interactions.get(id_)
        except Exception as error:
            raise failed_poll(error) from error
        if not isinstance(answer, Interaction):
            raise GeneratorUnreachable("The answer is no interaction")
        return answer

    async def _have_token(self) -> None:
        """Renew a project's token where it has expired. The SDK would do so in the event loop, and stop all jobs."""
        if not self._access.api_key:
            await self._client._api_client._async_access_token()  # noqa: SLF001 - there is no public way

    async def _decoded(self, encoded: str) -> Path:
        try:
            return await self._written(lambda path: path.write_bytes(b64decode(encoded)))
        except TypeError as error:
            raise ResultUnreadable(f"The video's data are no text: {error}") from error

    async def _fetched(self, uri: str) -> Path | None:
        """Return a new file with the video; None while Google still writes it.

        Raises:
            GenerationFailed, GeneratorUnreachable
            ResultUnreadable: what was sent is no video; the generation is paid for, so it is worth another download

        """
        try:
            async with self._downloads, asyncio.timeout(DOWNLOAD_SECONDS):
                if uri.startswith("gs://"):
                    return await result_file(self._access.scratch, partial(self._buckets.download, uri))
                return None if await self._is_being_written(uri) else await self._downloaded(uri)
        except GenerationFailed:
            raise
        except NotAVideo as error:
            raise ResultUnreadable(f"{uri} is no video: {error}") from error
        except Exception as error:
            raise failed_file(error, uri) from error

    async def _is_being_written(self, uri: str) -> bool:
        """Ask for the file's state; one that Google does not tell is tried."""
        file = await self._client.aio.files.get(name=uri)
        if file.state == types.FileState.FAILED:
            raise GenerationFailed("GENERATION_FAILED", "The generator could not make this video: its file has failed")
        return file.state == types.FileState.PROCESSING

    async def _downloaded(self, uri: str) -> Path:
        async with filled_file(self._access.scratch) as path:
            try:
                await self._client.aio.files.download(file=uri, destination=str(path))
            except APIError as error:
                elsewhere = _location(error)
                if elsewhere is None:
                    raise
                await self._followed(elsewhere, path)
            # The SDK takes whatever comes with a 200 for the file: a page, or half of it.
            await asyncio.to_thread(check_outline, path)
        return path

    async def _followed(self, url: httpx.URL, path: Path) -> None:
        """Fetch from where Google points to, without our key: the SDK follows with a client of its own only."""
        async with self._http.client.stream("GET", url, follow_redirects=True) as answer:
            if answer.is_error:
                raise APIError(answer.status_code, {}, answer)
            with path.open("wb") as file:
                async for chunk in answer.aiter_bytes():
                    file.write(chunk)

    def _delivery(self, request: GenerationRequest) -> dict[str, str]:
        """Have the video left where it can be fetched as a stream; a project has to name the place."""
        if self._access.api_key:
            return {"delivery": "uri"}
        folder = self._access.folder_of(request)
        return {"delivery": "inline"} if folder is None else {"delivery": "uri", "gcs_uri": folder}


def _location(error: APIError) -> httpx.URL | None:
    """Return where a redirect points to; its address may be relative to the one that was asked."""
    response = error.response
    if isinstance(response, httpx.Response) and response.is_redirect:
        return response.url.join(response.headers.get("Location", ""))
    return None
