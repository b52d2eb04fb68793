"""The key of an earlier release, which means something else now (decision 28)."""

from app.settings import Settings


def express_mode_notice(settings: Settings) -> str | None:
    """Return what an operator has to know who has set GOOGLE_API_KEY for an earlier release (decision 28)."""
    if settings.google_api_key is None or settings.has_veo:
        return None
    return (
        "GOOGLE_API_KEY is taken for a key of the Gemini Developer API, and Omni makes the videos. If it is one "
        "for Veo in express mode, as it was in earlier releases, call it GOOGLE_EXPRESS_API_KEY instead."
    )
