"""Whether traces are sent: what sends them is loaded only where it is wanted (decision 47)."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pkgutil import resolve_name

from app.environment import InvalidSettings
from app.settings import Settings


def traced(settings: Settings, process: str) -> AbstractContextManager[None]:
    """Send traces of this process for as long as the context lasts, if an endpoint is set.

    Raises InvalidSettings: what sends them is not installed.
    """
    if settings.otel_exporter_otlp_endpoint is None:
        return nullcontext()
    try:
        sending: Callable[[str, str], AbstractContextManager[None]] = resolve_name("app.tracing:sending")
    except ImportError as error:
        raise InvalidSettings(
            f"OTEL_EXPORTER_OTLP_ENDPOINT: there is no {error.name} here to send traces with. Install the extra "
            "(`pip install --require-hashes -r requirements-otel.lock`, or `lookreel[otel]`), or leave the setting out."
        ) from None
    return sending(settings.otel_exporter_otlp_endpoint, process)
