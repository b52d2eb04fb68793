"""The video models that a caller may name."""

# The preview ids are what deployed frontends send; they were retired upstream and are mapped when a job is submitted.
ACCEPTED_MODELS = (
    "veo-3.1-generate-preview",
    "veo-3.1-fast-generate-preview",
    "veo-3.1-generate-001",
    "veo-3.1-fast-generate-001",
    "veo-3.1-lite-generate-001",
)

_RESOURCE_PREFIX = "models/"


def model_id(name: str) -> str:
    """Strip the resource prefix that some clients send: `models/veo-3.1-...` names the same model."""
    return name.removeprefix(_RESOURCE_PREFIX)
