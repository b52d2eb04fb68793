"""What a caller may ask for: the shape of a video job's fields, checked before anything is read or charged."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, asdict, dataclass, fields, replace
from typing import Any, TypeVar

from db.enums import ImageRole
from db.specification import Specification, check_complete
from resolvers.errors import InvalidInput
from resolvers.idempotency import checked_key
from resolvers.models import Catalogue, VideoModel, either, listed
from resolvers.texts import at_most, composed, is_storable, uuid_of

Value = TypeVar("Value")

MOST_REFERENCE_IMAGES = 3
LONGEST_PROMPT = 4000
check_reference_image_count = at_most(
    MOST_REFERENCE_IMAGES, f"At most {MOST_REFERENCE_IMAGES} reference images are taken", "referenceImages"
)
# What becomes of the look's own picture.
UNUSED, INITIAL, REFERENCE = "none", "initial", "reference"
# What a request consisted of when the first digests were stored, images aside. This list stays as it is: a digest
# that leaves one of these out, or has one more, matches none of those that clients repeat their requests by.
_ALWAYS_IN_DIGEST = frozenset(
    {
        "model",
        "resolution",
        "aspect_ratio",
        "mock_mode",
        "prompt",
        "duration_seconds",
        "generate_audio",
        "look_id",
    }
)
_NEVER_IN_DIGEST = frozenset({"idempotency_key", "images", "expected_cost", "is_retry", "fingerprint"})


@dataclass(frozen=True)
class JobImage:
    """An image that a video is to be made from: what it is for, its contents' SHA-256 in hex, its name in the storage.

    `address` is where the storage keeps it, once it does, and `removal_address` what its removal is scheduled under.
    `size_bytes` is that of what was sent, until it has been made fit.
    """

    role: ImageRole
    position: int
    sha256: str
    media_type: str
    extension: str
    name: str
    address: str = ""
    removal_address: str = ""
    size_bytes: int = 0


# Whose rules are below; the rest are booleans, and may be either.
_RULED = {"prompt", "model", "resolution", "aspect_ratio", "duration_seconds"}
check_complete(__name__, _RULED | {"generate_audio", "mock_mode"})


@dataclass(frozen=True, kw_only=True)
class VideoJobInput(Specification):
    """A request for a video as it came over a wire.

    `look_id` is still text, since a malformed one is answered like a foreign one. `images` have been checked by their
    content already. `is_retry` says that an earlier job asked for the same, its look's picture among the images.
    `fingerprint` is the digest of what was sent, where what that stands for may change before it is sent again.
    """

    look_id: str | None = None
    use_look_image: str = UNUSED
    product_ids: tuple[str, ...] = ()
    images: tuple[JobImage, ...] = ()
    idempotency_key: str | None = None
    expected_cost: int | None = None
    is_retry: bool = False
    fingerprint: str | None = None

    def normalised(self) -> "VideoJobInput":
        """Return the request as it is checked and compared: in NFC, spaces and prefixes off, empty texts as none.

        An empty `look_id` stays one, and no look has it: a page that sends it means a look that it does not know yet.
        """
        return replace(
            self,
            # With the resource prefix that some clients send, it names the same model.
            model=self.model.strip().removeprefix("models/"),
            prompt=_composed((self.prompt or "").strip()) or None,
            look_id=None if self.look_id is None else _canonical(self.look_id.strip()),
            use_look_image=self.use_look_image.strip().lower() or UNUSED,
            product_ids=tuple(dict.fromkeys(filter(None, (_canonical(id_.strip()) for id_ in self.product_ids)))),
            idempotency_key=self.idempotency_key and self.idempotency_key.strip(),
        )

    @property
    def uses_look(self) -> bool:
        """Whether the look's picture or some of its products' are asked for."""
        return self.use_look_image != UNUSED or bool(self.product_ids)

    def violations(self, catalogue: Catalogue) -> Iterator[InvalidInput]:
        """Yield an error for each field that breaks its rule; those of what makes the video come last."""
        violations = [
            *self._violations_of_text(),
            *self._violations_of_choices(catalogue),
            *self._violations_of_look(),
        ]
        if self.idempotency_key is not None:
            violations += _violations_of(checked_key, self.idempotency_key)
        yield from violations
        if not violations:
            model = catalogue.made_as(self.model, mock_mode=self.mock_mode)
            yield from self._violations_of_form(model)
            if not self.mock_mode and self._count(ImageRole.END):
                yield from self._violations_of_end_frame(model)
            if not self.mock_mode and self._count(ImageRole.REFERENCE):
                yield from self._violations_of_references(model)

    def digest(self) -> str:
        """Fingerprint what was asked for, to tell a repeated request from another one with the same key.

        A field that has been added since the first release counts where it differs from its default: a request that
        does not know it keeps the digest that it had before.
        """
        if self.fingerprint is not None:
            return self.fingerprint
        either = {field.name for field in fields(self) if self._counts(field)}
        asked = {name: value for name, value in asdict(self).items() if name in either}
        asked["images"] = [(image.role, image.position, image.sha256) for image in self.images]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    def _counts(self, field: Field[Any]) -> bool:
        if field.name in _ALWAYS_IN_DIGEST | _NEVER_IN_DIGEST:
            return field.name in _ALWAYS_IN_DIGEST
        default = field.default if field.default_factory is MISSING else field.default_factory()
        return bool(getattr(self, field.name) != default)

    def _violations_of_text(self) -> Iterator[InvalidInput]:
        for field, text in (("prompt", self.prompt), ("model", self.model)):
            if text is not None and not is_storable(text):
                yield InvalidInput(f"{field} contains characters that cannot be stored", field=field)
        if self.prompt is not None and len(self.prompt) > LONGEST_PROMPT:
            yield InvalidInput(f"Prompt must be at most {LONGEST_PROMPT} characters", field="prompt")

    def _violations_of_choices(self, catalogue: Catalogue) -> Iterator[InvalidInput]:
        if self.model not in catalogue.models:
            yield InvalidInput(f"Model must be one of {listed(catalogue.models)}", field="model")
        models = [catalogue.mock, *catalogue.models.values()]
        resolutions = dict.fromkeys(resolution for model in models for resolution in model.durations)
        if self.resolution not in resolutions:
            yield InvalidInput(f"Resolution must be {listed(resolutions)}", field="resolution")
        ratios = dict.fromkeys(ratio for model in models for ratio in model.aspect_ratios)
        if self.aspect_ratio not in ratios:
            yield InvalidInput(f"Aspect ratio must be {listed(ratios)}", field="aspectRatio")
        durations = {seconds for model in models for some in model.durations.values() for seconds in some}
        if self.duration_seconds not in durations:
            yield InvalidInput(f"Duration must be {either(sorted(durations))} seconds", field="durationSeconds")
        # A picture does in a prompt's place: a first frame, or that of the look, which is among a retry's references.
        kept = self.is_retry and self._count(ImageRole.REFERENCE)
        shows_something = self._count(ImageRole.INITIAL) or kept or self.use_look_image != UNUSED
        if self.prompt is None and not shows_something:
            yield InvalidInput("Either 'prompt' or 'initialImage' is required", field="prompt")
        references = [image for image in self.images if image.role == ImageRole.REFERENCE]
        yield from _violations_of(check_reference_image_count, references)

    def _violations_of_look(self) -> Iterator[InvalidInput]:
        if self.use_look_image not in (UNUSED, INITIAL, REFERENCE):
            message = f"useLookImage must be {listed((UNUSED, INITIAL, REFERENCE))}"
            yield InvalidInput(message, field="useLookImage")
        if len(self.product_ids) > MOST_REFERENCE_IMAGES:
            yield InvalidInput(f"At most {MOST_REFERENCE_IMAGES} productIds are taken", field="productIds")
        if self.uses_look and self.look_id is None:
            field = "productIds" if self.use_look_image == UNUSED else "useLookImage"
            yield InvalidInput(f"'{field}' needs a 'lookId'", field=field)

    def _violations_of_form(self, model: VideoModel) -> Iterator[InvalidInput]:
        durations = model.durations.get(self.resolution)
        if durations is None:
            message = f"Resolution must be {listed(model.durations)} with {model.id}"
            yield InvalidInput(message, field="resolution")
        elif self.duration_seconds not in durations:
            message = f"With {self.resolution}, {model.id} makes videos of {either(durations)} seconds only"
            yield InvalidInput(message, field="durationSeconds")
        if self.aspect_ratio not in model.aspect_ratios:
            message = f"Aspect ratio must be {listed(model.aspect_ratios)} with {model.id}"
            yield InvalidInput(message, field="aspectRatio")

    def _violations_of_end_frame(self, model: VideoModel) -> Iterator[InvalidInput]:
        if not model.end_frame:
            yield InvalidInput(f"{model.id} takes no 'endFrame'", field="endFrame")
        if not self._count(ImageRole.INITIAL):
            yield InvalidInput("An 'endFrame' needs an 'initialImage'", field="endFrame")
        if model.image_duration not in (None, self.duration_seconds):
            yield InvalidInput(
                f"A video with an 'endFrame' has {model.image_duration} seconds", field="durationSeconds"
            )

    def _violations_of_references(self, model: VideoModel) -> Iterator[InvalidInput]:
        if self._count(ImageRole.REFERENCE) > model.most_reference_images:
            message = f"{model.id} takes at most {model.most_reference_images} 'referenceImages'"
            yield InvalidInput(
                message if model.most_reference_images else f"{model.id} takes no 'referenceImages'",
                field="referenceImages",
            )
        if not model.mixes_images and (self._count(ImageRole.INITIAL) or self._count(ImageRole.END)):
            message = "'referenceImages' do not go together with 'initialImage' or 'endFrame'"
            yield InvalidInput(message, field="referenceImages")
        if self.prompt is None and not model.mixes_images:
            yield InvalidInput("'referenceImages' need a 'prompt'", field="prompt")
        if model.image_duration not in (None, self.duration_seconds):
            message = f"A video with 'referenceImages' has {model.image_duration} seconds"
            yield InvalidInput(message, field="durationSeconds")

    def _count(self, role: ImageRole) -> int:
        return sum(image.role == role for image in self.images)


def _violations_of(check: Callable[[Value], object], value: Value) -> Iterator[InvalidInput]:
    try:
        check(value)
    except InvalidInput as violation:
        yield violation


def _composed(prompt: str) -> str:
    """Compose a prompt, unless it is too long anyway: that may take the square of its length."""
    return composed(prompt) if len(prompt) <= LONGEST_PROMPT else prompt


def _canonical(id_: str) -> str:
    """Return an id as we write it, so that one that is spelled otherwise is the same."""
    try:
        return str(uuid_of(id_))
    except ValueError:
        return id_.lower()
