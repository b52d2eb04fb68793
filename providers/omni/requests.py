"""A generation request in the words of the Interactions API (`docs/omni.md`, 'The request').

What an image is for is said by words at the beginning of the prompt, so such words are taken out of what users write.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Any

from db.specification import check_complete
from media.images import Image
from resolvers.ports import GenerationFailed, GenerationRequest

# Omni cannot leave the sound out; the worker removes it where it was not asked for.
check_complete(
    __name__, {"prompt", "model", "resolution", "aspect_ratio", "duration_seconds", "generate_audio", "mock_mode"}
)

WITHOUT_PROMPT = "The picture comes to life with natural movement, in a single continuous shot."
AS_REFERENCES = "Use the given images as references, not as literal first frames."

_ROLE_WORDS = re.compile(
    r"""<\s*/?\s*(?:(?:first|last)[\s_-]*frame|image[\s_-]*ref[\s_-]*\d*)\s*>  # <FIRST_FRAME>, <IMAGE_REF_0>
        | \[\s*\#[^\]]*\]?                                                     # [# Sources ...]
        | @\s*image\s*\d+                                                      # @Image1
    """,
    re.IGNORECASE | re.VERBOSE,
)


def body_of(request: GenerationRequest, delivery: dict[str, str], *, labelled: bool) -> dict[str, Any]:
    """Return the arguments of `interactions.create`; `delivery` says how the video is to come.

    Raises:
        GenerationFailed: nothing is left to ask for, and an empty prompt would be answered with a clip that is billed.

    """
    labels = {"job": str(request.video_job_id), "attempt": str(request.attempt)}
    return {
        "model": request.model,
        "background": True,
        "store": True,
        "input": [*map(_image, request.images), {"type": "text", "text": prompt_of(request)}],
        "generation_config": {"video_config": {"task": _task(request)}},
        "response_format": {
            "type": "video",
            "aspect_ratio": request.aspect_ratio,
            "resolution": request.resolution,
            "duration": f"{request.duration_seconds}s",  # a number is refused
            **delivery,
        },
        **({"labels": labels} if labelled else {}),
    }


def prompt_of(request: GenerationRequest) -> str:
    """Return the prompt with the roles of the images, which are numbered as they are sent; raises GenerationFailed."""
    written = without_role_words(request.prompt or "")
    if not written and not request.images:
        sentence = "The prompt has nothing but words that direct images at the generator. Describe the video."
        raise GenerationFailed("REJECTED_BY_GENERATOR", sentence)
    return " ".join(
        [*_roles(request), written or WITHOUT_PROMPT, *([AS_REFERENCES] if _only_references(request) else [])]
    )


def without_role_words(text: str) -> str:
    """Take out what would bind images to roles, also what only appears once something else has been taken out."""
    while (rest := _ROLE_WORDS.sub(" ", text)) != text:
        text = rest
    return text.strip()


def _image(image: Image) -> dict[str, str]:
    return {"type": "image", "data": b64encode(image.data).decode(), "mime_type": image.media_type}


def _task(request: GenerationRequest) -> str:
    """Name what is wanted: left to guess, the model takes a first frame for a mere reference."""
    if request.initial_image:
        return "image_to_video"
    return "reference_to_video" if request.reference_images else "text_to_video"


def _only_references(request: GenerationRequest) -> bool:
    return bool(request.reference_images) and request.initial_image is None


def _roles(request: GenerationRequest) -> Iterator[str]:
    frames = [
        name for name, image in (("<FIRST_FRAME>", request.initial_image), ("<LAST_FRAME>", request.end_frame)) if image
    ]
    if not request.reference_images:
        yield from frames
        return
    if frames:
        yield f"[# Sources {_numbered(frames, 1)}]"
    names = [f"<IMAGE_REF_{number}>" for number in range(len(request.reference_images))]
    yield f"[# References {_numbered(names, 1 + len(frames))}]"


def _numbered(names: Sequence[str], first: int) -> str:
    return " ".join(f"{name}@Image{number}" for number, name in enumerate(names, first))
