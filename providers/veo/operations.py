"""Operations as Veo answers them, where the SDK's own reading of them is too strict."""

import re
from collections.abc import Mapping
from typing import Any, Self

from google.genai import types

_BLANK = re.compile(r"\s")
_ENCODED = "bytesBase64Encoded"


class VeoOperation(types.GenerateVideosOperation):
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
