"""The ASGI application: GraphQL, the REST shim, stored videos, and a health check."""

import asyncio
import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

from app import web_pages
from app.body_limit import GRAPHQL, LimitBody
from app.in_front import InFront
from app.last_requests import AnswerLastRequests
from app.settings import Settings
from app.wiring import Gate, migrate_look_videos, open_storages
from db import submission_pace
from db.engine.database import Database
from db.engine.errors import DatabaseTimedOut, DatabaseUnavailable
from db.engine.feed import FeedState, JobFeed
from providers.local_storage import MEDIA_PATH
from providers.storages import Storages
from resolvers.streams import Streams
from rest_compat import (
    admin_subscriptions,
    errors,
    looks,
    migration,
    subscription,
    video_job_events,
    video_jobs,
    video_models,
)
from rest_compat.polls import AnswerPolls
from rest_compat.services import RestServices
from rest_compat.trailing_slash import IgnoreTrailingSlash
from schema.context import GraphQLServices
from schema.schema import LookreelSchema, make_schema
from schema.view import GraphQLView

HEALTH_SECONDS = 1.5
# What a page of another origin must be able to read.
EXPOSED_HEADERS = [
    "ETag",
    "Location",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    "Preference-Applied",
    "Idempotent-Replayed",
    "WWW-Authenticate",
    "X-Request-ID",
]


def rest_api() -> FastAPI:
    """Return the REST API with its routes and errors, not connected to anything yet."""
    api = FastAPI(
        title="Lookreel",
        version="1",
        description="Video generation for fashion looks. The full API is GraphQL, at `/graphql`.",
        redirect_slashes=False,
        # FastAPI's own pages run whatever a CDN gives them.
        docs_url=None,
        redoc_url=None,
    )
    # Not by `include_router`, which makes each route once more, at the first request, and looks for it twice at each.
    parts = (video_jobs, video_job_events, video_models, looks, subscription, admin_subscriptions, migration)
    for router in [part.router for part in parts] + [subscription.public_router]:
        api.router.routes += router.routes
    errors.install(api)
    return api


def create_app(settings: Settings, database: Database) -> FastAPI:
    """Return the application of one API process."""
    feed = JobFeed(database)
    gate = Gate(settings, database)
    storages = open_storages(settings)
    catalogue = settings.catalogue()
    streams = Streams(settings.streams_per_user)
    app = rest_api()
    app.router.lifespan_context = lambda _app: _running(feed, storages)
    app.state.database = database
    rest_services = RestServices(
        database=database,
        feed=feed,
        streams=streams,
        storage=storages,
        catalogue=catalogue,
        admit=gate.admit,
        migrate_look_videos=partial(migrate_look_videos, database),
        timeout_seconds=settings.rest_timeout_seconds,
    )
    app.state.rest_services = rest_services
    services = GraphQLServices(database, feed, streams, storages, catalogue, gate.admit)
    web_folder = settings.data_dir / web_pages.WEB_PATH
    page = web_pages.playground(web_folder).response
    view = GraphQLView(services, settings.origins, _schema(settings), page)
    app.mount(MEDIA_PATH, media_files(settings.media_folder))
    app.add_route("/docs", web_pages.swagger(web_folder).answer)
    app.mount(f"/{web_pages.WEB_PATH}", web_pages.WebFiles(directory=web_folder, check_dir=False))
    app.add_route("/healthz", _health)
    app.add_route("/", _home)
    app.add_middleware(AnswerPolls, services=rest_services)
    app.add_middleware(InFront, path=GRAPHQL, answer=view)
    _add_middleware(app, settings, streams)
    return app


def media_files(folder: Path) -> StaticFiles:
    """Serve stored files, with Range requests (RFC 9110, section 14)."""
    folder.mkdir(parents=True, exist_ok=True)
    # Python knows this one from the operating system's list only.
    mimetypes.add_type("image/webp", ".webp")
    return StaticFiles(directory=folder)


def _schema(settings: Settings) -> LookreelSchema:
    return make_schema(
        introspection=settings.graphql_introspection,
        timeout_seconds=settings.graphql_timeout_seconds,
        fast=settings.graphql_fast_execution,
    )


def _add_middleware(app: FastAPI, settings: Settings, streams: Streams) -> None:
    """Add what every request goes through; the last one added is the first one met."""
    # Inside the others, so that the answer to a fault of ours has their headers, too.
    app.add_middleware(ServerErrorMiddleware, handler=errors.on_fault)
    app.add_middleware(LimitBody)
    app.add_middleware(AnswerLastRequests, streams=streams)
    app.add_middleware(IgnoreTrailingSlash)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=EXPOSED_HEADERS,
        )
    app.add_middleware(CorrelationIdMiddleware, header_name="X-Request-ID")


@asynccontextmanager
async def _running(feed: JobFeed, storages: Storages) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await storages.aclose()


async def _health(request: Request) -> JSONResponse:
    """Answer 200 when requests can be served, 503 when the database cannot be reached or does not answer.

    Whatever else hangs, this answers within `HEALTH_SECONDS`, on a connection of its own. What does not work is named
    beside, and the status is "degraded" then, since everything else goes on: `generation`, where the generator refuses
    our credentials, and `following`, where followers hear of changes late.
    """
    try:
        async with asyncio.timeout(HEALTH_SECONDS):
            trouble = await submission_pace.trouble(request.app.state.database.health)
    except (DatabaseUnavailable, TimeoutError) as error:
        named = error if isinstance(error, DatabaseUnavailable) else DatabaseTimedOut()
        body = {"status": "unavailable", "code": named.code, "detail": named.message}
        return JSONResponse(body, 503, {"Retry-After": str(named.retry_seconds)})
    troubles = {} if trouble is None else {"generation": "The generator refuses our credentials."}
    feed: FeedState = request.app.state.rest_services.feed.state
    if feed.is_behind:
        troubles["following"] = f"Changes of video jobs are told {feed.seconds_behind:.0f} s late or more."
    return JSONResponse({"status": "degraded" if troubles else "ok"} | troubles)


async def _home(_request: Request) -> RedirectResponse:
    """Send a browser that was given just the address to the playground."""
    return RedirectResponse("/graphql")
