"""What a caller may ask for: the shape of a video job's fields, checked before anything is read or charged."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from resolvers.errors import InvalidInput
from resolvers.models import ACCEPTED_MODELS, model_id
from resolvers.texts import is_storable

RESOLUTIONS = ("720p", "1080p")
ASPECT_RATIOS = ("16:9", "9:16")
DURATIONS_SECONDS = (4, 8)
DEFAULT_DURATION_SECONDS = 8
LONGEST_IDEMPOTENCY_KEY = 255
LONGEST_PROMPT = 4000


@dataclass(frozen=True)
class VideoJobInput:
    """A request for a video as it came over a wire.

    `look_id` is still text, since a malformed one is answered like a foreign one. `has_initial_image` says whether an
    image to start from came along. `duration_seconds` is in seconds of video.
    """

    model: str
    resolution: str
    aspect_ratio: str
    mock_mode: bool
    prompt: str | None = None
    duration_seconds: int = DEFAULT_DURATION_SECONDS
    generate_audio: bool = False
    look_id: str | None = None
    has_initial_image: bool = False
    idempotency_key: str | None = None

    def normalised(self) -> "VideoJobInput":
        """Return the request as it is checked and compared: spaces and prefixes off, empty text as none."""
        return replace(
            self,
            model=model_id(self.model.strip()),
            prompt=(self.prompt or "").strip() or None,
            look_id=(self.look_id or "").strip() or None,
        )

    def violations(self) -> Iterator[InvalidInput]:
        """Yield an error for each field that breaks its rule."""
        for field, text in (
            ("prompt", self.prompt),
            ("model", self.model),
            ("idempotencyKey", self.idempotency_key),
        ):
            if text is not None and not is_storable(text):
                yield InvalidInput(f"{field} contains characters that cannot be stored", field=field)
        if self.model not in ACCEPTED_MODELS:
            yield InvalidInput(f"Model must be one of {_listed(ACCEPTED_MODELS)}", field="model")
        if self.resolution not in RESOLUTIONS:
            yield InvalidInput(f"Resolution must be {_listed(RESOLUTIONS)}", field="resolution")
        if self.aspect_ratio not in ASPECT_RATIOS:
            yield InvalidInput(f"Aspect ratio must be {_listed(ASPECT_RATIOS)}", field="aspectRatio")
        if self.duration_seconds not in DURATIONS_SECONDS:
            yield InvalidInput("Duration must be 4 or 8 seconds", field="durationSeconds")
        if self.prompt is None and not self.has_initial_image:
            yield InvalidInput("Either 'prompt' or 'initialImage' is required", field="prompt")
        if self.prompt is not None and len(self.prompt) > LONGEST_PROMPT:
            yield InvalidInput(f"Prompt must be at most {LONGEST_PROMPT} characters", field="prompt")
        if self.idempotency_key is not None and not 0 < len(self.idempotency_key) <= LONGEST_IDEMPOTENCY_KEY:
            message = f"An idempotency key must have 1 to {LONGEST_IDEMPOTENCY_KEY} characters"
            yield InvalidInput(message, field="idempotencyKey")

    def digest(self) -> str:
        """Fingerprint what was asked for, to tell a repeated request from another one with the same key."""
        asked = {name: value for name, value in asdict(self).items() if name != "idempotency_key"}
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _listed(values: tuple[str, ...]) -> str:
    *others, last = (f"'{value}'" for value in values)
    return f"{', '.join(others)} or {last}"
