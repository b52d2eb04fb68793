"""An API process: `python -m app.launch app.api --fd N` serves on a listening socket that its parent has bound."""

import argparse
import gc
import logging
import socket

import uvloop
from asgi_correlation_id import CorrelationIdFilter

from app.allocator import M_MMAP_THRESHOLD, set_malloc
from app.asgi import application, services_of
from app.http.server import HttpServer
from app.parent import on_parent_death
from app.process import run_process, traced
from app.settings import Settings
from app.wiring import open_database, require_mode

# How many objects more than went must have come before the collector looks at the youngest, then how many such looks
# make one at the older ones. With Python's own 700, 10, 10 a burst of events ends in a walk over all that thousands of
# connections hold, again and again: see docs/decisions/0017.
COLLECTOR_THRESHOLDS = (50_000, 10, 10)
# In bytes. What images take while they are uploaded goes back to the system: by default the process keeps up to a
# hundred megabytes of it, depending on which sizes came in which order.
LARGE_PIECE = 1024 * 1024


async def serve(settings: Settings, listener: socket.socket) -> None:
    """Answer requests until SIGTERM, SIGINT, or the parent's death."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(CorrelationIdFilter())
    with traced(settings, "api"):
        async with open_database(settings, "lookreel api") as database:
            await require_mode(database)
            services = services_of(settings, database)
            server = HttpServer(application(settings, services), services.rest.streams, settings.connection_limits())
            # What is there now stays: the collector need not look at it again, which shows in the slowest requests.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*COLLECTOR_THRESHOLDS)
            on_parent_death(lambda: setattr(server, "should_exit", True))
            await server.serve(sockets=[listener])


def main() -> int:
    """Run one API process; return its exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True, help="The listening socket's file descriptor")
    options = parser.parse_args()
    set_malloc(M_MMAP_THRESHOLD, LARGE_PIECE)
    listener = socket.socket(fileno=options.fd)
    return run_process(lambda settings: serve(settings, listener), uvloop.new_event_loop)
