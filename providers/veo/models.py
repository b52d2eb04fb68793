"""What Veo offers (`docs/veo.md`). Loads nothing of Google's, so that the API may read it.

The preview ids are what deployed frontends send. Google has retired them, so each is mapped to its successor; the job
shows the id that was asked for, its log the id that was used.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from resolvers.models import VideoModel

NAME: Final = "veo"

_GENERATE = VideoModel(
    id="veo-3.1-generate-001",
    upstream_id="veo-3.1-generate-001",
    provider=NAME,
    durations={"720p": (4, 8), "1080p": (8,)},
    aspect_ratios=("16:9", "9:16"),
    end_frame=True,
    most_reference_images=3,
    image_duration=8,
    image_media_types=("image/jpeg", "image/png"),
)
_FAST = replace(_GENERATE, id="veo-3.1-fast-generate-001", upstream_id="veo-3.1-fast-generate-001")
_LITE = replace(
    _GENERATE, id="veo-3.1-lite-generate-001", upstream_id="veo-3.1-lite-generate-001", most_reference_images=0
)
MODELS: Final = (
    replace(_GENERATE, id="veo-3.1-generate-preview"),
    replace(_FAST, id="veo-3.1-fast-generate-preview"),
    _GENERATE,
    _FAST,
    _LITE,
)


def offered(upstream_ids: Mapping[str, str]) -> list[VideoModel]:
    """Return the models; `upstream_ids` maps accepted ids, known and new ones, as the operator wants.

    A new one is taken to do what most of them do.
    """
    models = {model.id: model for model in MODELS}
    for id_, upstream_id in upstream_ids.items():
        models[id_] = replace(models.get(id_, replace(_GENERATE, id=id_)), upstream_id=upstream_id)
    return list(models.values())
