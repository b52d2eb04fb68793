"""Gemini Omni by way of the Interactions API: with a key of the Developer API, else as a Google Cloud project."""

import asyncio
import logging
import random
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from google import genai
from google.genai.interactions import Interaction

from providers.google_client import CallingClient, check_model, is_large, sdk_options
from providers.omni.answers import tokens_of, video_in
from providers.omni.errors import failed_poll, failed_submit
from providers.omni.requests import body_of
from providers.omni.results import Results
from providers.result_files import result_file
from resolvers.ports import (
    Generated,
    GenerationRequest,
    GeneratorUnreachable,
    ResultUnreadable,
    StillGenerating,
    SubmissionUncertain,
)

_log = logging.getLogger("lookreel.providers")

POLLS_AT_ONCE = 32
CANCEL_SECONDS = 10.0


@dataclass(frozen=True)
class OmniAccess:
    """How to reach Omni: with an API key, else as a project, which is served from the location `global` only.

    `base_url` stands for Google's own host, without a version or path. `api_version` is `v1beta` or what comes after
    it; the SDK's own `v1` was seen by nobody. `output_gcs_uri` (`gs://bucket/folder`) is for projects, whose videos
    come with the answer without it. `labelled` says that submits name their job. `scratch` is a folder for videos on
    their way to the storage. `timeout_seconds` is for each connecting, and for each wait for bytes.
    """

    api_key: str | None = field(repr=False)
    project: str | None
    base_url: str | None
    api_version: str
    poll_seconds: float
    output_gcs_uri: str | None
    labelled: bool
    scratch: Path
    timeout_seconds: float = 60.0


class OmniGenerator:
    """Nothing is ever sent twice by itself. Raises `ValueError` when the access names neither a key nor a project."""

    submitting_costs = True

    def __init__(self, access: OmniAccess) -> None:
        self._access = access
        self._http = CallingClient()
        self._client = _client(access, self._http)
        self._results = Results(self._client, self._http.client, access.scratch)
        self._polls = asyncio.Semaphore(POLLS_AT_ONCE)
        self._large_submits = asyncio.Semaphore(1)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aio.aclose()
        self._client.close()
        await self._http.client.aclose()  # the SDK leaves alone what it was given
        await self._results.aclose()

    async def submit(self, request: GenerationRequest) -> str:
        """Start generating; return the interaction's id (the errors are those of `VideoGenerator`)."""
        body = partial(body_of, request, self._delivery(request), labelled=self._access.labelled)
        if not is_large(request):
            return await self._submitted(body())
        async with self._large_submits:
            return await self._submitted(body())

    async def _submitted(self, body: Mapping[str, Any]) -> str:
        with self._http.call() as call:
            try:
                await self._have_token()
                interaction = await self._client.aio.interactions.create(**body)
            except Exception as error:
                raise failed_submit(error, str(body["model"]), went_out=call.went_out) from error
        if not isinstance(interaction, Interaction) or not interaction.id:
            raise SubmissionUncertain("The answer names no interaction")
        return interaction.id

    async def poll(self, operation_name: str) -> StillGenerating | Generated:
        """Ask how it is doing, and fetch the video once it is there (the errors are those of `VideoGenerator`)."""
        async with self._polls:
            with self._http.call():
                interaction = await self._interaction(operation_name)
                video, tokens = _read(interaction), tokens_of(interaction)
                if video is None:
                    return self._later()
                if not video.uri:
                    return Generated(await self._written(video.data), is_temporary=True, tokens=tokens)
        file = await self._results.fetched(video.uri)
        return self._later() if file is None else Generated(file, is_temporary=True, tokens=tokens)

    async def cancel(self, operation_name: str) -> None:
        """Ask Google to stop; where that does not work, it runs to its end. It may be billed either way."""
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                await self._have_token()
                await self._client.aio.interactions.cancel(operation_name)
        except Exception as error:  # noqa: BLE001 - 400 and 404 are usual, and nothing depends on it
            _log.info("The interaction %s could not be cancelled: %s", operation_name, error)

    async def check(self, model: str) -> None:
        """See `providers.google_client.check_model`."""
        await check_model(self._client, self._http, model, failed_submit)

    async def _interaction(self, id_: str) -> Interaction:
        try:
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

    def _later(self) -> StillGenerating:
        # Jobs that were submitted together should not be asked about together forever.
        return StillGenerating(None, self._access.poll_seconds * random.uniform(0.8, 1.2))  # noqa: S311

    async def _written(self, encoded: str) -> Path:
        try:
            return await result_file(self._access.scratch, lambda path: path.write_bytes(b64decode(encoded)))
        except TypeError as error:
            raise ResultUnreadable(f"The video's data are no text: {error}") from error
        except (OSError, ValueError) as error:
            raise GeneratorUnreachable(f"The video could not be written to the scratch folder: {error}") from error

    def _delivery(self, request: GenerationRequest) -> dict[str, str]:
        """Have the video left where it can be fetched as a stream; a project has to name the place."""
        if self._access.api_key:
            return {"delivery": "uri"}
        if self._access.output_gcs_uri is None:
            return {"delivery": "inline"}
        folder = f"{request.video_job_id}-{request.attempt}/"
        return {"delivery": "uri", "gcs_uri": f"{self._access.output_gcs_uri.rstrip('/')}/{folder}"}


def _client(access: OmniAccess, http: CallingClient) -> genai.Client:
    options = sdk_options(http, access.base_url, access.timeout_seconds, access.api_version)
    if access.api_key:
        # `enterprise` in words, or the environment's GOOGLE_GENAI_USE_VERTEXAI would decide.
        return genai.Client(enterprise=False, api_key=access.api_key, http_options=options)
    if access.project:
        return genai.Client(enterprise=True, project=access.project, location="global", http_options=options)
    raise ValueError("Omni needs an API key or a project")


def _read(interaction: Interaction) -> Any | None:  # noqa: ANN401 - as `video_in`
    """Return what `video_in` does; the SDK lets answers through that are of other types than it says."""
    try:
        return video_in(interaction)
    except (AttributeError, TypeError, ValueError) as error:
        raise ResultUnreadable(f"{type(error).__name__}: {error}") from error
