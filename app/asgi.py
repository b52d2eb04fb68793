"""The ASGI application: GraphQL, the REST shim, stored videos, and a health check."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp
from strawberry.printer import print_schema

from app import web_pages
from app.demo_user import DemoSignIn
from app.http.body_limit import GRAPHQL, MEGABYTE, LimitBody
from app.http.front import Front, request_id, side_by_side
from app.http.media_files import MediaFiles
from app.http.requests import LimitRequests, Noted, Observing
from app.metrics import Sampler
from app.readiness import MetricsPage, Readiness, live, trouble_of_workers
from app.registry import catalogue
from app.settings import Settings
from app.web_pages import DEMO_PATH, Studio
from app.wiring import media_addresses, migrate_look_videos, open_storages
from db import pauses, submission_pace
from db.engine.database import Database
from db.engine.errors import DatabaseForeign, DatabaseTimedOut, DatabaseUnavailable
from db.engine.feed import JobFeed
from graphql_server.schema import Schema
from graphql_server.view import GraphQLView
from providers.local_disk.storage import MEDIA_PATH
from providers.storages import Storages
from resolvers.authentication import AccountStates, Authentication, RequestRates
from resolvers.services import EdgeServices
from resolvers.streams import Streams
from rest_compat import errors, looks, openapi, subscription, video_job_events, video_jobs
from rest_compat.conditional import AnswerPolls
from rest_compat.services import RestServices
from schema.context import GraphQLServices
from schema.schema import make_schema
from schema.schema import schema as default_schema
from schema.subscriptions import SHARED

HEALTH_SECONDS = 1.5

logger = logging.getLogger("lookreel")
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
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
]


def rest_api() -> FastAPI:
    """Return the REST API with its routes and errors, not connected to anything yet."""
    api = FastAPI(
        title="Lookreel",
        version="1",
        description="Video generation for fashion looks. The full API is GraphQL, at `/graphql`.",
        redirect_slashes=False,
        # It would send addresses with their queries, in which files are signed: `Noted` does it.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        # FastAPI's own pages run whatever a CDN gives them.
        docs_url=None,
        redoc_url=None,
    )
    # Not by `include_router`, which makes each route once more, at the first request, and looks for it twice at each.
    for router in (
        video_jobs.router,
        video_job_events.router,
        video_jobs.models_router,
        looks.router,
        subscription.router,
        subscription.admin_router,
        looks.migration_router,
        subscription.public_router,
    ):
        api.router.routes += router.routes
    errors.install(api)
    # FastAPI's way to extend it.
    vars(api)["openapi"] = partial(openapi.document, api)
    return api


class Services(NamedTuple):
    """What the two APIs are given, and what runs beside them."""

    rest: RestServices
    graphql: GraphQLServices
    storages: Storages
    states: AccountStates
    rates: RequestRates
    authentication: Authentication


def services_of(settings: Settings, database: Database) -> Services:
    """Return the services of one API process."""
    feed, storages = JobFeed(database), open_storages(settings)
    offered, streams = catalogue(settings), Streams(settings.streams_per_user)
    states, addresses = AccountStates(database.health, streams), media_addresses(settings)
    rates = RequestRates(offered.policy.quotas)
    authentication = Authentication(settings.token_policy(), settings.policy(), database, states, rates)
    given = vars(EdgeServices(database, storages, offered, feed, streams, addresses, authentication.authenticate))
    rest = RestServices(
        **given,
        still_active=states.checked,
        migrate_look_videos=partial(migrate_look_videos, database),
        timeout_seconds=settings.rest_timeout_seconds,
    )
    return Services(rest, GraphQLServices(**given), storages, states, rates, authentication)


def application(settings: Settings, services: Services) -> ASGIApp:
    """Return GraphQL and REST side by side, behind what every request goes through; the last one is met first."""
    view = GraphQLView(
        _schema(settings),
        services.graphql.context,
        origins=settings.origins,
        page=web_pages.playground(_web_folder(settings)).response,
        shared_subscriptions=SHARED,
    )
    app: ASGIApp = side_by_side(_rest(settings, services), view)
    app = LimitBody(app, settings.large_bodies_megabytes * MEGABYTE)
    app = LimitRequests(app, services.rates, settings.websockets_per_address)
    has_traces = settings.otel_exporter_otlp_endpoint is not None
    app = Noted(app, services.rest.streams, log_requests=settings.log_requests, has_traces=has_traces)
    app = Front(app, settings.hosts, settings.public_url)
    if settings.origins:
        app = CORSMiddleware(
            app,
            allow_origins=settings.origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=EXPOSED_HEADERS,
        )
    # As it comes, it would also write the id among the request's headers, which nobody reads, and take 5% of a poll.
    return CorrelationIdMiddleware(app, "X-Request-ID", update_request_header=False, generator=request_id)


def _rest(settings: Settings, services: Services) -> FastAPI:
    app = rest_api()
    app.router.lifespan_context = lambda _app: _running(services)
    app.state.database = services.rest.database
    app.state.rest_services = services.rest
    web_folder = _web_folder(settings)
    app.mount(MEDIA_PATH, MediaFiles(settings.media_folder, services.rest.addresses))
    if settings.graphql_introspection:
        app.add_route(f"{GRAPHQL}/schema.graphql", _schema_text)
    app.add_route("/docs", web_pages.swagger(web_folder).answer)
    app.mount(f"/{web_pages.WEB_PATH}", web_pages.WebFiles(directory=web_folder, check_dir=False))
    # The legacy frontend knows it by the other two.
    for path in ("/healthz", "/health", "/api/v1/health"):
        app.add_route(path, _health)
    app.add_route("/livez", live)
    app.add_route("/readyz", Readiness(settings, services.rest.database, services.rest.feed).answer)
    if settings.metrics_token is not None:
        app.add_route("/metrics", MetricsPage(settings.metrics_token, services.rest.database).answer)
    has_demo = DemoSignIn.is_offered(settings)
    Studio(settings, has_demo=has_demo).add_to(app)
    if has_demo:
        app.add_route(f"/{DEMO_PATH}", DemoSignIn(settings, services.rest.database).answer, methods=["POST"])
    app.add_middleware(AnswerPolls, services=services.rest)
    return app


def _web_folder(settings: Settings) -> Path:
    return settings.data_dir / web_pages.WEB_PATH


def _schema(settings: Settings) -> Schema:
    return make_schema(
        introspection=settings.graphql_introspection,
        timeout_seconds=settings.graphql_timeout_seconds,
        fast=settings.graphql_fast_execution,
        most_values=settings.graphql_most_values,
        observer=Observing(),
    )


@asynccontextmanager
async def _running(services: Services) -> AsyncIterator[None]:
    sampler = Sampler("api", services.rest.database, services.rest.feed, services.rest.streams)
    running = (services.rest.feed, services.states, services.authentication, sampler)
    tasks = [asyncio.create_task(each.run()) for each in running]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await services.storages.aclose()


async def _health(request: Request) -> JSONResponse:
    """Answer 200 when requests can be served, 503 when the database cannot be reached or does not answer.

    Whatever else hangs, this answers within `HEALTH_SECONDS`, on a connection of its own. What does not work is named
    beside, and the status is "degraded" then, since everything else goes on: `generation`, where a generator refuses
    our credentials, `workers`, where none is alive, `creations`, where an operator has paused them, and `following`,
    where followers hear of changes late.
    """
    try:
        async with asyncio.timeout(HEALTH_SECONDS):
            refused_by = await submission_pace.troubles(request.app.state.database.health)
            paused = await pauses.current(request.app.state.database.health)
            silent = await trouble_of_workers(request.app.state.database.health)
    except Exception as error:  # somebody else's tables may answer with anything
        named: DatabaseUnavailable = DatabaseTimedOut()
        if isinstance(error, DatabaseUnavailable):
            named = error
        elif not isinstance(error, TimeoutError):
            logger.exception("The database answers what it should not")
            named = DatabaseForeign()
        body = {"status": "unavailable", "code": named.code, "detail": named.message}
        return JSONResponse(body, 503, {"Retry-After": str(named.retry_seconds)})
    troubles = {"generation": "The generator refuses our credentials."} if refused_by else {}
    if silent:
        troubles["workers"] = silent
    if paused:
        troubles["creations"] = f"Paused by an operator: {paused[0].reason}"
    feed: JobFeed = request.app.state.rest_services.feed
    if feed.is_behind:
        troubles["following"] = f"Changes of video jobs are told {feed.seconds_behind:.0f} s late or more."
    return JSONResponse({"status": "degraded" if troubles else "ok"} | troubles)


async def _schema_text(_request: Request) -> PlainTextResponse:
    """Answer the schema as generators of clients take it; as public as introspection is."""
    return PlainTextResponse(print_schema(default_schema) + "\n", headers={"Cache-Control": "no-cache"})
