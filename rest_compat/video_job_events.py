"""`/api/v1/video-jobs/{id}/events`: a job as Server-Sent Events (HTML Living Standard, section 9.2)."""

import re
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from anyio import BrokenResourceError
from asgi_correlation_id import correlation_id
from fastapi import Depends, Header, Request, Response
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, ServerSentEvent
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from auth.errors import AccessDenied, InvalidCredentials
from db.engine.errors import DatabaseUnavailable
from db.enums import VideoJobStatus
from db.video_jobs import VideoJobRow
from resolvers import video_jobs
from resolvers.errors import Refusal, VideoJobNotFound
from resolvers.following import START, Position, follow_with_log
from resolvers.streams import until_expiry
from resolvers.texts import uuid_or
from rest_compat.conditional import body_of, whole_job
from rest_compat.services import AdmittedCall, AdmittedRoute, Call, VideoJobId, router_at
from rest_compat.wire import LogLineBody, RefusalBody, VideoJobBody, Wire, reference_to, schema_of

RETRY_MILLISECONDS = 2000
HEARTBEAT = KEEPALIVE_COMMENT.removesuffix(b"\n")

_EVENT_ID = re.compile(r"([0-9]{1,10})-([0-9]{1,19})")


class VideoJobProgressBody(Wire):
    """A version of a job in which its status is what it was."""

    version: int
    status: VideoJobStatus
    status_message: str
    progress_percentage: int
    progress_is_estimated: bool


class NothingMore(Exception):
    """The client has seen the job end."""


class EventsRoute(AdmittedRoute):
    """Tells a client that has seen everything to come no more, by a 204 (HTML Living Standard, section 9.2.1)."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that answers 204 where there is nothing more to tell."""
        handle = super().get_route_handler()

        async def handle_or_end(request: Request) -> Response:
            try:
                response = await handle(request)
            except NothingMore:
                return Response(status_code=204)
            if isinstance(response, StreamingResponse):
                response.body_iterator = _without_empty_blocks(response.body_iterator)
            return response

        return handle_or_end

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a client leave in the middle: FastAPI's heartbeats take that for a fault."""
        try:
            await super().handle(scope, receive, send)
        except* BrokenResourceError:
            pass


async def _without_empty_blocks(chunks: AsyncIterable[Any]) -> AsyncIterator[bytes]:
    """Take the blank line from behind FastAPI's heartbeats: some clients take the block for an event without data."""
    async for chunk in chunks:
        yield HEARTBEAT if chunk == KEEPALIVE_COMMENT else chunk


router = router_at("/api/v1/video-jobs", "video jobs", EventsRoute)


def _event_schema(name: str, data: dict[str, Any]) -> dict[str, Any]:
    """Describe an event as OpenAPI 3.2 does (section 4.14.4)."""
    content = {"type": "string", "contentMediaType": "application/json", "contentSchema": data}
    return {"required": ["event", "data"], "properties": {"event": {"const": name}, "data": content}}


def _refusal(description: str) -> dict[str, Any]:
    # Spelled out: FastAPI would take a `model` for events, as the route's own answer is.
    return {"description": description, "content": {"application/json": {"schema": reference_to(RefusalBody)}}}


EVENTS = [
    _event_schema("status", reference_to(VideoJobBody)),
    _event_schema("progress", schema_of(VideoJobProgressBody)),
    _event_schema("log", reference_to(LogLineBody)),
    _event_schema("deleted", reference_to(RefusalBody)),
    _event_schema("expired", reference_to(RefusalBody)),
]
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The events, until the job has ended",
        "content": {"text/event-stream": {"itemSchema": {"oneOf": EVENTS}}},
    },
    204: {"description": "`Last-Event-ID` is the job's last event: come no more"},
    401: _refusal("No valid token"),
    404: _refusal("Not the caller's, or not there"),
    429: _refusal("The caller follows as much as one may at once"),
}

LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", description="The `id` of the last event that was seen: what comes after it is told"),
]


async def opened_events(
    video_job_id: VideoJobId, call: Call, response: Response, last_event_id: LastEventId = None
) -> AsyncIterator[AsyncIterator[ServerSentEvent]]:
    """Refuse what is to be refused before the response begins, then hold the stream until it has ended.

    Raises VideoJobNotFound, TooManyStreams, NothingMore.
    """
    job_id, streams = uuid_or(video_job_id, VideoJobNotFound), call.services.streams
    with streams.opened(call.caller):
        after = await _resumed(call, job_id, last_event_id)
        # FastAPI says `no-cache` itself.
        response.headers["Cache-Control"] = "no-store"
        async with aclosing(streams.until_end(_told(call, job_id, after), call.caller)) as events:
            yield events


@router.get("/{video_job_id}/events", response_class=EventSourceResponse, responses=RESPONSES)
async def follow_video_job(
    events: Annotated[AsyncIterator[ServerSentEvent], Depends(opened_events)],
) -> AsyncIterator[ServerSentEvent]:
    """Follow a job: as it is, then every change, until it has ended.

    `status` brings the whole job, at first and whenever its status is another one; `progress` what changes in between;
    `log` each new line of the log, before the change that it came with. `deleted` and `expired` (the token) end the
    stream early. A stream that breaks off otherwise is to be taken up again with `Last-Event-ID`; nothing is lost or
    told twice then. A browser's `EventSource` cannot send `Authorization`, and tokens in the query are not accepted:
    use a client that is based on `fetch`.
    """
    # In the first event's block: one of its own would be an event without data to some clients.
    retry: int | None = RETRY_MILLISECONDS
    async for event in events:
        yield event.model_copy(update={"retry": retry})
        retry = None


async def _resumed(call: AdmittedCall, job_id: UUID, last_event_id: str | None) -> Position:
    """Return where to go on: at the beginning unless the id is one that this job's events have had."""
    job = await video_jobs.read(call.reader, call.caller, job_id)
    known = _EVENT_ID.fullmatch(last_event_id or "")
    if known is None or int(known[1]) > job.version:
        return START
    lines = (await video_jobs.logs_by_job(call.reader, [job.id])).get(job.id, [])
    after = Position(int(known[1]), int(known[2]))
    if after.line not in {line.id for line in lines}:
        return START
    if after.version == job.version and VideoJobStatus(job.status).is_terminal:
        raise NothingMore
    return after


async def _told(call: AdmittedCall, job_id: UUID, after: Position) -> AsyncGenerator[ServerSentEvent, None]:
    """Yield everything, with how it ends; where the database is lost or the process ends, the client comes back."""
    try:
        async with aclosing(_changes(call, job_id, after)) as changes:
            async for event in changes:
                yield event
    except VideoJobNotFound as deleted:
        yield _end("deleted", deleted)
    except InvalidCredentials as expired:
        yield _end("expired", expired)
    except DatabaseUnavailable:
        return


async def _changes(call: AdmittedCall, job_id: UUID, after: Position) -> AsyncGenerator[ServerSentEvent, None]:
    services, caller = call.services, call.caller
    position, status = after, None
    async with aclosing(follow_with_log(services.database, services.feed, caller, job_id, after=after)) as changes:
        async for change in until_expiry(caller, changes):
            for line in change.lines:
                # The version before: whoever comes back from here is still to be told the one that is about to follow.
                position = replace(position, line=line.id)
                yield _event("log", position, LogLineBody.model_validate(line, from_attributes=True))
            position = replace(position, version=change.job.version)
            if change.job.status == status:
                yield _event(
                    "progress", position, VideoJobProgressBody.model_validate(change.job, from_attributes=True)
                )
            else:
                yield _event("status", position, await _whole(call, change.job, position))
            status = change.job.status


async def _whole(call: AdmittedCall, job: VideoJobRow, position: Position) -> VideoJobBody:
    """Put the job together with the lines that have been told: its log may have gone on."""
    whole = await whole_job(call.reader, job, call.services)
    return await body_of(call.reader, whole, call.show, last_line=position.line)


def _event(name: str, position: Position, body: Wire) -> ServerSentEvent:
    return ServerSentEvent(
        event=name, id=f"{position.version}-{position.line}", raw_data=body.model_dump_json(by_alias=True)
    )


def _end(name: str, reason: Refusal | AccessDenied) -> ServerSentEvent:
    """Say what a new request would be answered; without an id, so that the last one stays."""
    body = RefusalBody(detail=reason.message, code=reason.code, request_id=correlation_id.get())
    return ServerSentEvent(event=name, raw_data=body.model_dump_json(by_alias=True, exclude_unset=True))
