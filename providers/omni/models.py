"""What Omni offers (`docs/omni.md`). Loads nothing of Google's, so that the API may read it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from resolvers.models import VideoModel

NAME: Final = "omni"

_OMNI: Final = VideoModel(
    id="gemini-omni-1.2-flash",
    upstream_id="gemini-omni-1.2-flash",
    provider=NAME,
    durations={"720p": (4, 8), "1080p": (4, 8)},
    aspect_ratios=("16:9", "9:16"),
    end_frame=True,
    most_reference_images=3,
    image_duration=None,
    image_media_types=("image/jpeg", "image/png", "image/webp"),
    mixes_images=True,
)

FRONTEND_IDS: Final = ("veo-3.1-generate-preview", "veo-3.1-fast-generate-preview")
"""What deployed frontends ask for. Omni makes these where Veo cannot be used."""


def offered(upstream_ids: Mapping[str, str], *, frontend_ids: bool) -> list[VideoModel]:
    """Return the models; `upstream_ids` maps accepted ids, known and new ones, as the operator wants.

    `frontend_ids` says whether those that deployed frontends send are made here, too.
    """
    ids = dict.fromkeys(FRONTEND_IDS, _OMNI.upstream_id) if frontend_ids else {}
    ids |= {_OMNI.id: _OMNI.upstream_id} | dict(upstream_ids)
    return [replace(_OMNI, id=id_, upstream_id=upstream_id) for id_, upstream_id in ids.items()]
