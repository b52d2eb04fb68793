"""Polls that are answered before they are routed: they get what the route would have answered."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import NamedTuple
from uuid import uuid4

import httpx
import pytest
from asgi_correlation_id import CorrelationIdMiddleware
from sqlalchemy import make_url, text
from starlette.types import Receive, Scope, Send

from app.asgi import application, rest_api, services_of
from app.http.front import Front
from app.settings import Settings
from auth.caller import AccountStatus, Caller, Role
from rest_compat.conditional import AnswerPolls
from rest_compat.services import RestServices
from tests.house import House
from tests.inspected import InspectedDatabase

# What is never the same twice.
OWN_TO_EACH = {"date", "x-request-id", "ratelimit", "ratelimit-policy"}
ENDED = "status = 'SUCCEEDED', cloudinary_url = '/media/x.mp4', thumbnail_url = '/media/x.webp', completed_at = now()"
STATES = {
    "PENDING": "",
    "RUNNING": "status = 'RUNNING', started_at = now(), version = 2",
    "SUCCEEDED": f"{ENDED}, started_at = now(), version = 3",
    "FAILED": "status = 'FAILED', error_code = 'X', error_message = 'x', completed_at = now(), version = 4",
    "CANCELLED": "status = 'CANCELLED', completed_at = now(), version = 2",
}

Said = tuple[int, list[tuple[str, str]], object]


class Clients(NamedTuple):
    """The application as it is, and its routes alone."""

    whole: httpx.AsyncClient
    routes: httpx.AsyncClient
    services: RestServices

    async def said(self, url: str, headers: list[tuple[str, str]]) -> Said:
        """Ask both; return what they say, which is the same."""
        whole, routes = [said(await client.get(url, headers=headers)) for client in self[:2]]
        assert whole == routes, headers
        return whole


def said(answer: httpx.Response) -> Said:
    headers = [(name, value) for name, value in answer.headers.multi_items() if name not in OWN_TO_EACH]
    body = answer.json() if answer.content else None
    if isinstance(body, dict) and "requestId" in body:
        assert body.pop("requestId") == answer.headers["X-Request-ID"]
    return answer.status_code, headers, body


async def clients_of(settings: Settings, database: InspectedDatabase) -> AsyncIterator[Clients]:
    services, routes = services_of(settings, database), rest_api()
    app, routes.state.rest_services = application(settings, services), services.rest
    routes.add_middleware(Front)
    routes.add_middleware(CorrelationIdMiddleware, header_name="X-Request-ID")
    whole, alone = (httpx.ASGITransport(app=each) for each in (app, routes))
    async with (
        httpx.AsyncClient(transport=whole, base_url="http://house") as first,
        httpx.AsyncClient(transport=alone, base_url="http://house") as second,
    ):
        yield Clients(first, second, services.rest)


@pytest.fixture(scope="module")
async def clients(settings: Settings, database: InspectedDatabase) -> AsyncIterator[Clients]:
    async for found in clients_of(settings, database):
        yield found


@pytest.fixture(scope="module")
async def without_database(settings: Settings) -> AsyncIterator[Clients]:
    """The same where nobody answers for the database."""
    nowhere = make_url(str(settings.database_url)).set(query={"host": "/nowhere"})
    database = InspectedDatabase(nowhere.render_as_string())
    async for found in clients_of(settings, database):
        yield found


async def job_in(house: House, caller: Caller, state: str, looks: int) -> str:
    """Let there be a job in a state, shown by some looks."""
    shown_in = [(await house.look(caller)).id for _ in range(looks)]
    job_id = await house.create(caller, lookId=shown_in[0] if shown_in else None)
    async with house.database.session() as session:
        for look_id in shown_in[1:]:
            await session.execute(
                text("INSERT INTO look_videos (look_id, video_job_id) VALUES (:look, :job)"),
                {"look": look_id, "job": job_id},
            )
        if STATES[state]:
            change = f"UPDATE video_jobs SET {STATES[state]} WHERE id = :job"  # noqa: S608 - ours
            await session.execute(text(change), {"job": job_id})
    return job_id


@pytest.mark.parametrize("looks", [0, 1, 3])
@pytest.mark.parametrize("state", STATES)
async def test_the_owner_hears_what_the_route_says(house: House, clients: Clients, state: str, looks: int) -> None:
    caller = await house.user()
    await house.create(await house.user())
    url = f"/api/v1/video-jobs/{await job_in(house, caller, state, looks)}"
    token = list(house.headers(caller).items())
    tag = dict((await clients.said(url, token))[1])["etag"]
    bare = tag.removeprefix("W/")

    def condition(*lines: str, **more: str) -> list[tuple[str, str]]:
        return [*token, *(("If-None-Match", line) for line in lines), *more.items()]

    same = [
        condition(*lines)
        for lines in (
            (tag,),
            (bare,),
            ("*",),
            (f'"a", {tag}',),
            ('"a"', tag),
            (tag, tag),
            (f"{tag},",),
            ('W/"a" ' + tag,),
        )
    ]
    other = [condition(*lines) for lines in (("",), ('"a"',), ("rubbish",), ("*, *",), (bare.strip('"'),), ("*", "*"))]
    waits = ["wait=soon", "respond-async", "", "wait=0", *(["wait=9"] if state in {"SUCCEEDED", "FAILED"} else [])]
    waiting = [condition(tag, Prefer=prefer) for prefer in waits]
    with_body = [[*condition(tag), ("Content-Length", "0")], [*condition(tag), ("If-Match", tag)]]

    assert {(await clients.said(url, headers))[0] for headers in same + waiting + with_body} == {304}
    assert {(await clients.said(url, headers))[0] for headers in other} == {200}


async def test_whoever_is_refused_is_refused_alike(house: House, clients: Clients) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    url, unknown = f"/api/v1/video-jobs/{job_id}", f"/api/v1/video-jobs/{uuid4()}"
    own = house.headers(caller)["Authorization"]
    expired = house.headers(caller, timedelta(hours=-1))["Authorization"]
    suspended = house.headers(house.unknown_caller(status=AccountStatus.SUSPENDED))["Authorization"]
    unknown_caller = house.headers(house.unknown_caller())["Authorization"]
    admin = house.headers(await house.user(role=Role.ADMIN))["Authorization"]

    async def status(url: str, authorization: str | None) -> int:
        headers = [("If-None-Match", "*")] + ([("Authorization", authorization)] if authorization else [])
        return (await clients.said(url, headers))[0]

    assert [await status(url, token) for token in (None, "", "Basic x", "Bearer x", expired)] == [401] * 5
    assert [await status(url, token) for token in (suspended, unknown_caller, own, admin)] == [403, 404, 304, 304]
    assert [await status(unknown, token) for token in (None, own, admin)] == [401, 404, 404]
    assert [await status(f"/api/v1/video-jobs/{odd}", own) for odd in ("x", "%0A", "%F0%9F%8E%A5", "1" * 32)] == [
        404
    ] * 4
    assert await status(f"/api/v1/video-jobs/{job_id.upper()}", own) == 304
    assert await status(f"/api/v1/video-jobs/%7B{job_id}%7D", own) == 304


async def test_nothing_else_is_answered_early(house: House, clients: Clients) -> None:
    caller = await house.user()
    headers = [*house.headers(caller).items(), ("If-None-Match", "*")]
    job_id = await house.create(caller)

    for path in ("", "/", f"/{job_id}/", f"/{job_id}/download", f"/{job_id}/x", f"/x/{job_id}"):
        if not path.endswith("/"):
            await clients.said(f"/api/v1/video-jobs{path}", headers)
        for method in ("HEAD", "POST", "PUT", "OPTIONS"):
            url = f"/api/v1/video-jobs{path.rstrip('/')}"
            whole, routes = [said(await client.request(method, url, headers=headers)) for client in clients[:2]]
            assert whole == routes, (method, path)


async def test_a_database_that_is_gone_is_told_alike(house: House, without_database: Clients) -> None:
    headers = [*house.headers(house.unknown_caller()).items(), ("If-None-Match", "*")]

    status, sent, body = await without_database.said(f"/api/v1/video-jobs/{uuid4()}", headers)

    assert (status, dict(sent)["retry-after"]) == (503, "1")
    assert isinstance(body, dict)
    assert body["code"] == "DATABASE_UNAVAILABLE"


async def test_a_current_tag_never_reaches_the_routes(house: House, clients: Clients) -> None:
    caller = await house.user()
    url = f"/api/v1/video-jobs/{await house.create(caller)}"
    headers = house.headers(caller)
    tag = (await clients.routes.get(url, headers=headers)).headers["ETag"]
    passed_on: list[str] = []

    async def routes(scope: Scope, _receive: Receive, _send: Send) -> None:
        passed_on.append(scope["path"])

    transport = httpx.ASGITransport(app=AnswerPolls(routes, clients.services))
    async with httpx.AsyncClient(transport=transport, base_url="http://house") as client:
        answer = await client.get(url, headers=headers | {"If-None-Match": tag})

    assert (answer.status_code, passed_on) == (304, [])
