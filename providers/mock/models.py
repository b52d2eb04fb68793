"""What the mock generator offers: the videos that are shipped, for whatever model is asked for."""

from typing import Final

from providers.mock.videos import DURATIONS_SECONDS, FRAME_SIZES
from resolvers.models import MOCK, VideoModel

ANY_MODEL: Final = VideoModel(
    id="mock mode",
    upstream_id=MOCK,
    provider=MOCK,
    durations={resolution: DURATIONS_SECONDS for resolution, _ in FRAME_SIZES},
    aspect_ratios=tuple(dict.fromkeys(ratio for _, ratio in FRAME_SIZES)),
    end_frame=True,
    most_reference_images=3,
    image_duration=8,
    image_media_types=("image/jpeg", "image/png"),
    mock_words=("[fail:CODE]", "[slow:SECONDS]", "[queue]", "[queue:SECONDS]"),
)
"""The images that come with a request are not looked at, but have to be ones that a model may take."""
