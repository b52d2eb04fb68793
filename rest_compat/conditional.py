"""Conditional reads of a job: entity tags (RFC 9110, section 8.8.3) and long polls (`Prefer: wait`, RFC 7240).

FastAPI's way to a 304, through its routes and dependencies, costs more than the answer (decision 20): `AnswerPolls` is
the shortest one.
"""

import asyncio
import re
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from types import MappingProxyType
from uuid import UUID

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from auth.caller import Caller
from auth.errors import AccessDenied
from db.engine.errors import DatabaseUnavailable
from db.engine.statements import Reader
from db.enums import VideoJobStatus
from db.look_videos import LookOfJob
from db.video_jobs import VideoJobRow
from resolvers import video_jobs
from resolvers.errors import Refusal, TooManyStreams, VideoJobNotFound
from resolvers.following import follow
from resolvers.limits import QueuePlace, queue_places
from resolvers.models import Catalogue
from resolvers.streams import seconds_left
from resolvers.texts import uuid_or
from rest_compat import errors
from rest_compat.bodies import video_job_body
from rest_compat.services import AdmittedCall, RequestTimedOut, RestServices, ShowUrl, limited
from rest_compat.wire import VideoJobBody

LONGEST_WAIT = 60
SOONEST_RETRY = 2
LATEST_RETRY = 30
# Every so many waiting jobs in front put the next look off by a second.
JOBS_A_SECOND = 10

_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
# Possessive throughout: what does not match is seen in one pass, whatever a client sends.
_VALUE = rf'(?:[ \t]*+=[ \t]*+({_WORD}|"(?:[^"\\]|\\.)*+")?+)?+'
_PREFERENCE = re.compile(rf"[ \t,]*+({_WORD}){_VALUE}(?:[ \t]*+;[ \t]*+(?:{_WORD}{_VALUE})?+)*+[ \t]*+(?:,|$)")


@dataclass(frozen=True)
class JobState:
    """What an entity tag stands for: all of a job but its log, which never changes without a new version.

    `looks` has id, title and picture of each look that shows the job. `shown_until` is when the addresses of its files
    expire, 0 where there are none or they never do: whoever has older ones is to be given new ones in time.
    """

    version: int
    status: str
    looks: Sequence[tuple[UUID, str | None, str]]
    place: QueuePlace | None
    shown_until: int = 0

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended."""
        return VideoJobStatus(self.status).is_terminal

    @cached_property
    def tag(self) -> str:
        """The entity tag (RFC 9110, section 8.8.3): the version, and a digest of what changes without a new one.

        It is weak, since it stands for what the body says and not for its octets.
        """
        beside = (self.looks, self.place, self.shown_until)
        return f'W/"{self.version}-{blake2b(repr(beside).encode(), digest_size=8).hexdigest()}"'

    def headers(self) -> dict[str, str]:
        """Return what belongs to a 200 as well as to a 304 (RFC 9110, section 15.4.5).

        There is no `Vary: Authorization`: whoever stores the body has to ask before each use, which is answered by who
        asks then, and a renewed token need not forget it.
        """
        headers = {"ETag": self.tag, "Cache-Control": "private, no-cache"}
        before = 0 if self.place is None else self.place.position - 1
        retry = {"Retry-After": str(min(LATEST_RETRY, SOONEST_RETRY + before // JOBS_A_SECOND))}
        return headers if self.is_terminal else headers | retry


@dataclass(frozen=True)
class WholeJob:
    """A job with what is shown beside it."""

    job: VideoJobRow
    in_looks: Sequence[LookOfJob]
    place: QueuePlace | None
    shown_until: int

    @cached_property
    def state(self) -> JobState:
        """What the entity tag stands for."""
        looks = [(look.id, look.title, look.generated_image_url) for look in self.in_looks]
        return JobState(self.job.version, self.job.status, looks, self.place, self.shown_until)


async def state_in_brief(reader: Reader, caller: Caller, job_id: UUID, services: RestServices) -> JobState:
    """Read what the entity tag of a job of the caller's stands for, and nothing else; raises VideoJobNotFound."""
    job = await video_jobs.in_brief(reader, caller, job_id)
    place = await _place(reader, job_id, job.status, services.catalogue)
    return JobState(job.version, job.status, job.looks, place, _shown_until(services, job.status, job.looks))


async def whole_job(reader: Reader, job: VideoJobRow, services: RestServices) -> WholeJob:
    """Read what belongs to a job that the caller was let read."""
    in_looks = (await video_jobs.looks_by_job(reader, [job.id])).get(job.id, [])
    place = await _place(reader, job.id, job.status, services.catalogue)
    return WholeJob(job, in_looks, place, _shown_until(services, job.status, in_looks))


async def body_of(reader: Reader, whole: WholeJob, show: ShowUrl, *, last_line: int | None = None) -> VideoJobBody:
    """Put a job together with its log, as far as `last_line` where that is given.

    The log is read last: where it has gone on since, the tag is one that is not current any more.
    """
    logs = (await video_jobs.logs_by_job(reader, [whole.job.id])).get(whole.job.id, [])
    shown = [line for line in logs if last_line is None or line.id <= last_line]
    return video_job_body(whole.job, shown, whole.in_looks, whole.place, show)


def _shown_until(services: RestServices, status: str, in_looks: Sequence[object]) -> int:
    return services.addresses.period() if in_looks or status == VideoJobStatus.SUCCEEDED else 0


async def _place(reader: Reader, job_id: UUID, status: str, catalogue: Catalogue) -> QueuePlace | None:
    if status != VideoJobStatus.PENDING:
        return None
    return next(iter((await queue_places(reader, [job_id], catalogue)).values()), None)


def is_named(tag: str, if_none_match: Iterable[str] | None) -> bool:
    """Whether `If-None-Match` (RFC 9110, section 13.1.2) names the tag, compared weakly (section 8.8.3.2)."""
    condition = ",".join(if_none_match or ())
    return condition.strip() == "*" or tag.removeprefix("W/").strip('"') in _TAG.findall(condition)


def not_modified(state: JobState, more: Mapping[str, str] = MappingProxyType({})) -> Response:
    """Answer that the client has what there is."""
    return Response(status_code=304, headers={**more, **state.headers()})


def seconds_to_wait(prefer: Iterable[str] | None) -> int:
    """Read `Prefer: wait` (RFC 7240, section 4.3), no more than `LONGEST_WAIT`; 0 where it is not there or malformed.

    The first one counts (section 2), and what stands behind something malformed does not.
    """
    preferences, position = ",".join(prefer or ()), 0
    while found := _PREFERENCE.match(preferences, position):
        if found[1].lower() == "wait":
            seconds = (found[2] or "").strip('"')
            # Nothing longer is a number that Python would read in no time.
            return min(LONGEST_WAIT, int(seconds[:9])) if seconds.isascii() and seconds.isdigit() else 0
        position = found.end()
    return 0


async def wait_for_change(call: AdmittedCall, seen: VideoJobRow, *, seconds: float) -> bool:
    """Wait until the job has changed since it was seen, or there is no reason to wait any more.

    That is when time is up, the token has expired, the account may not act any more, the client has gone, or the
    process is about to end.
    Return False at once where the caller follows too much already: a preference is a wish (RFC 7240, section 2), and
    the client polls then. Raises VideoJobNotFound when the job has been deleted meanwhile.
    """
    services, caller = call.services, call.caller
    left = seconds_left(caller)
    limit = seconds if left is None else min(seconds, left)
    try:
        with services.streams.opened(caller), suppress(TimeoutError):
            async with services.streams.waiting(limit, caller):
                await _first(_change(services, caller, seen), _gone(call.request))
    except TooManyStreams:
        return False
    return True


async def _first(*coroutines: Coroutine[None, None, None]) -> None:
    """Run until one of them has ended."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _change(services: RestServices, caller: Caller, seen: VideoJobRow) -> None:
    changes = follow(services.database, services.feed, caller, UUID(str(seen.id)), after_version=seen.version)
    async with aclosing(changes):
        await anext(changes, None)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


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
        except (AccessDenied, Refusal, DatabaseUnavailable, RequestTimedOut) as error:
            return await errors.on_refusal(Request(scope), error)

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
