"""Where the database is. Of the processes that need no more than that, none loads what talks to it."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.settings import Settings
from db.embedded.server import embedded_server


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """Yield the URL of the configured PostgreSQL itself, or of the embedded one, running for as long as it is used.

    Raises EmbeddedServerUnavailable.
    """
    if settings.database_url is not None:
        yield settings.database_direct_url or settings.database_url
    else:
        with embedded_server(settings.data_dir) as url:
            yield url
