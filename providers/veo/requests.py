"""A generation request in the words of Google's SDK."""

from google.genai import types

from db.specification import check_complete
from media.images import Image
from resolvers.ports import GenerationRequest

# What of a specification the SDK's configuration has under the same names; the rest goes other ways, or not to Google.
_IN_CONFIG = ("duration_seconds", "aspect_ratio", "resolution", "generate_audio")
check_complete(__name__, {*_IN_CONFIG, "prompt", "model", "mock_mode"})


def config_of(request: GenerationRequest, output_gcs_uri: str | None) -> types.GenerateVideosConfig:
    """Return all but the prompt and the first image. Of personGeneration, each value is refused for someone."""
    return types.GenerateVideosConfig(
        number_of_videos=1,
        **{name: getattr(request, name) for name in _IN_CONFIG},
        last_frame=image_of(request.end_frame),
        reference_images=[_reference_image(image) for image in request.reference_images] or None,
        output_gcs_uri=output_gcs_uri,
    )


def image_of(image: Image | None) -> types.Image | None:
    """Return the image as the SDK takes it."""
    return types.Image(image_bytes=image.data, mime_type=image.media_type) if image else None


def _reference_image(image: Image) -> types.VideoGenerationReferenceImage:
    kind = types.VideoGenerationReferenceType.ASSET
    return types.VideoGenerationReferenceImage(image=image_of(image), reference_type=kind)
