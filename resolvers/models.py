"""The video models: which ids are accepted, what each is upstream, what it can do, and what it costs.

The preview ids are what deployed frontends send. Google has retired them, so each is mapped to its successor; the job
shows the id that was asked for, its log the id that was used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from resolvers.errors import InvalidInput
from resolvers.policy import BUILT_IN, Policy
from resolvers.prices import VIDEO_COST

_RESOURCE_PREFIX = "models/"

ALL_DURATIONS = (4, 8)


@dataclass(frozen=True)
class VideoModel:
    """One accepted id. `cost` is that of 8 s in 720p without sound, in tokens; durations in seconds of video.

    `durations` lists by resolution what can be generated, `image_duration` is the one length that videos with an end
    frame or reference images have. These limits are Veo's, so they hold for real videos alone.
    """

    id: str
    upstream_id: str
    cost: int = VIDEO_COST
    durations: Mapping[str, Sequence[int]] = field(default_factory=lambda: {"720p": ALL_DURATIONS, "1080p": (8,)})
    aspect_ratios: Sequence[str] = ("16:9", "9:16")
    end_frame: bool = True
    most_reference_images: int = 3
    image_duration: int = 8


MODELS = (
    VideoModel("veo-3.1-generate-preview", "veo-3.1-generate-001"),
    VideoModel("veo-3.1-fast-generate-preview", "veo-3.1-fast-generate-001"),
    VideoModel("veo-3.1-generate-001", "veo-3.1-generate-001"),
    VideoModel("veo-3.1-fast-generate-001", "veo-3.1-fast-generate-001"),
    VideoModel("veo-3.1-lite-generate-001", "veo-3.1-lite-generate-001", most_reference_images=0),
)


@dataclass(frozen=True)
class FleetLimits:
    """What all workers together do at most: generations at once, and submits of real videos a minute."""

    generations_at_once: int = 100
    submits_per_minute: int = 60


@dataclass(frozen=True)
class Catalogue:
    """What this installation offers: models by id, whether real videos can be generated, how many at once, for what."""

    models: Mapping[str, VideoModel]
    real_generation: bool
    limits: FleetLimits = FleetLimits()
    policy: Policy = BUILT_IN

    @classmethod
    def of(
        cls,
        upstream_ids: Mapping[str, str],
        *,
        real_generation: bool,
        limits: FleetLimits = FleetLimits(),
        policy: Policy = BUILT_IN,
    ) -> "Catalogue":
        """Put the catalogue together; `upstream_ids` maps accepted ids, known and new ones, as the operator wants."""
        models = {model.id: model for model in MODELS}
        for id_, upstream_id in upstream_ids.items():
            models[id_] = replace(models.get(id_, VideoModel(id_, upstream_id)), upstream_id=upstream_id)
        priced = {id_: replace(model, cost=_usual_cost(id_, policy)) for id_, model in models.items()}
        return cls(priced, real_generation, limits, policy)

    def model(self, id_: str) -> VideoModel:
        """Return the model of an id.

        Raises:
            InvalidInput: naming the ids that are accepted.

        """
        try:
            return self.models[id_]
        except KeyError:
            raise InvalidInput(f"Model must be one of {listed(self.models)}", field="model") from None


def _usual_cost(model: str, policy: Policy) -> int:
    """Return what a real video costs that is as most are: 8 s in 720p without sound."""
    return policy.video_cost(model=model, resolution="720p", seconds=8, sound=False, mock=False).tokens


def model_id(name: str) -> str:
    """Strip the resource prefix that some clients send: `models/veo-3.1-...` names the same model."""
    return name.removeprefix(_RESOURCE_PREFIX)


def listed(values: Mapping[str, object] | Sequence[str]) -> str:
    """Spell out a choice: 'a', 'b' or 'c'."""
    *others, last = (f"'{value}'" for value in values)
    return f"{', '.join(others)} or {last}" if others else last
