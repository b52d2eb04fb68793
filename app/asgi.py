"""The ASGI application: GraphQL, the REST shim, stored videos, and a health check."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from app.settings import Settings
from app.wiring import Gate
from db.job_feed import JobFeed
from db.session import Database, DatabaseUnavailable
from providers.local_storage import MEDIA_PATH
from rest_compat import errors, looks, video_jobs
from rest_compat.services import RestServices
from rest_compat.trailing_slash import IgnoreTrailingSlash
from schema.context import GraphQLServices
from schema.view import GraphQLView

# No generator for real videos can be configured yet; such a request is refused before it is charged.
REAL_GENERATION = False


def rest_api() -> FastAPI:
    """Return the REST API with its routes and errors, not connected to anything yet."""
    api = FastAPI(
        title="Lookreel",
        version="1",
        description="Video generation for fashion looks. The full API is GraphQL, at `/graphql`.",
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    api.include_router(video_jobs.router)
    api.include_router(looks.router)
    errors.install(api)
    return api


def create_app(settings: Settings, database: Database) -> FastAPI:
    """Return the application of one API process."""
    feed = JobFeed(database)
    gate = Gate(settings, database)
    app = rest_api()
    app.router.lifespan_context = lambda _app: _listening(feed)
    app.state.rest_services = RestServices(database, gate.admit, REAL_GENERATION)
    view = GraphQLView(GraphQLServices(database, feed, gate.admit, REAL_GENERATION))
    app.router.routes.extend([Route("/graphql", view), WebSocketRoute("/graphql", view)])
    settings.media_folder.mkdir(parents=True, exist_ok=True)
    app.mount(MEDIA_PATH, StaticFiles(directory=settings.media_folder))
    app.state.database = database
    app.add_route("/healthz", _health)
    app.add_route("/", _home)
    app.add_middleware(IgnoreTrailingSlash)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


@asynccontextmanager
async def _listening(feed: JobFeed) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _health(request: Request) -> JSONResponse:
    """Answer 200 when requests can be served, 503 when the database cannot be reached."""
    try:
        async with request.app.state.database.transaction():
            return JSONResponse({"status": "ok"})
    except DatabaseUnavailable as error:
        return JSONResponse({"status": "unavailable", "detail": str(error)}, status_code=503)


async def _home(_request: Request) -> RedirectResponse:
    """Send a browser that was given just the address to the playground."""
    return RedirectResponse("/graphql")
