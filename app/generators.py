"""What opens the providers of videos. Loads their SDKs; `app.registry` has them by name."""

from contextlib import aclosing

from app.settings import Settings
from providers.omni.generator import OmniAccess, OmniGenerator
from providers.veo.generator import VeoAccess, VeoGenerator


def veo_access(settings: Settings) -> VeoAccess:
    """Return how Veo is reached."""
    return VeoAccess(
        project=settings.google_cloud_project,
        location=settings.google_cloud_location,
        api_key=settings.google_express_api_key,
        base_url=settings.google_vertex_base_url,
        poll_seconds=settings.veo_poll_seconds,
        output_gcs_uri=settings.veo_output_gcs_uri,
        scratch=settings.scratch_folder,
    )


def open_veo(settings: Settings) -> aclosing[VeoGenerator]:
    """Return what generates with Veo; its connections are closed with the context."""
    return aclosing(VeoGenerator(veo_access(settings)))


def open_omni(settings: Settings) -> aclosing[OmniGenerator]:
    """Return what generates with Omni, by the key where there is one, else as the project; as above."""
    key = settings.developer_api_key
    access = OmniAccess(
        api_key=key,
        project=settings.google_cloud_project,
        base_url=settings.google_gemini_base_url if key else settings.google_vertex_base_url,
        api_version=settings.omni_api_version or ("v1beta" if key else "v1beta1"),
        poll_seconds=settings.omni_poll_seconds,
        output_gcs_uri=settings.veo_output_gcs_uri,
        labelled=settings.omni_labels,
        scratch=settings.scratch_folder,
    )
    return aclosing(OmniGenerator(access))
