"""The shortest way to a 304: `GET /api/v1/video-jobs/{id}` with an entity tag, which is most of what clients ask.

FastAPI's way to the same answer, through its routes and dependencies, costs more than the answer (decision 20).
"""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from auth.errors import AccessDenied
from db.engine.errors import DatabaseUnavailable
from resolvers.errors import Refusal, VideoJobNotFound
from resolvers.texts import uuid_or
from rest_compat import errors
from rest_compat.conditional import is_named, not_modified, state_in_brief
from rest_compat.services import RestServices
from rest_compat.time_limits import RequestTimedOut, limited

PREFIX = "/api/v1/video-jobs/"
ROUTE = PREFIX + "{video_job_id}"


class AnswerPolls:
    """Answers 304 or a refusal as the route would; everything else it leaves to the route."""

    def __init__(self, app: ASGIApp, services: RestServices) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        answer = await self._answer(scope) if is_about_a_job(scope) else None
        await (answer or self._app)(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if_none_match = headers.getlist("if-none-match")
        # Whoever would rather wait for a change is the route's.
        if not if_none_match or "prefer" in headers:
            return None
        try:
            async with limited(self._services.timeout_seconds):
                return await self._if_current(scope["path"].removeprefix(PREFIX), if_none_match, headers)
        except (AccessDenied, Refusal) as error:
            return await errors.on_refusal(Request(scope), error)
        except (DatabaseUnavailable, RequestTimedOut) as error:
            return await errors.on_unavailable(Request(scope), error)

    async def _if_current(self, video_job_id: str, if_none_match: list[str], headers: Headers) -> Response | None:
        services = self._services
        caller = await services.authenticate(headers.get("authorization"))
        job_id = uuid_or(video_job_id, VideoJobNotFound)
        state = await state_in_brief(services.database.reader, caller, job_id, services)
        return not_modified(state) if is_named(state.tag, if_none_match) else None


def is_about_a_job(scope: Scope) -> bool:
    """Whether it is a request for `ROUTE`."""
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and scope["path"].startswith(PREFIX)
        and "/" not in scope["path"][len(PREFIX) :]
    )
