"""Finished videos, from where Omni has left them to the scratch folder, as a stream."""

import asyncio
from functools import partial
from pathlib import Path

import httpx
from google import genai
from google.genai import types
from google.genai.errors import APIError

from media.video_properties import NotAVideo
from media.videos import check_outline
from providers.google_generator import DOWNLOADS_AT_ONCE, BucketResults
from providers.omni.errors import failed_file
from providers.result_files import filled_file, result_file
from resolvers.ports import GenerationFailed, ResultUnreadable

DOWNLOAD_SECONDS = 600.0


class Results:
    """Downloads by `https:` from the Files API, and by `gs:` from a bucket."""

    def __init__(self, client: genai.Client, http: httpx.AsyncClient, buckets: BucketResults, scratch: Path) -> None:
        self._client = client
        self._http = http
        self._scratch = scratch
        self._buckets = buckets
        self._at_once = asyncio.Semaphore(DOWNLOADS_AT_ONCE)

    async def fetched(self, uri: str) -> Path | None:
        """Return a new file with the video; None while Google still writes it.

        Raises:
            GenerationFailed, GeneratorUnreachable
            ResultUnreadable: what was sent is no video; the generation is paid for, so it is worth another download

        """
        try:
            async with self._at_once, asyncio.timeout(DOWNLOAD_SECONDS):
                if uri.startswith("gs://"):
                    return await result_file(self._scratch, partial(self._buckets.download, uri))
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
        async with filled_file(self._scratch) as path:
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
        async with self._http.stream("GET", url, follow_redirects=True) as answer:
            if answer.is_error:
                raise APIError(answer.status_code, {}, answer)
            with path.open("wb") as file:
                async for chunk in answer.aiter_bytes():
                    file.write(chunk)


def _location(error: APIError) -> httpx.URL | None:
    """Return where a redirect points to; its address may be relative to the one that was asked."""
    response = error.response
    if isinstance(response, httpx.Response) and response.is_redirect:
        return response.url.join(response.headers.get("Location", ""))
    return None
