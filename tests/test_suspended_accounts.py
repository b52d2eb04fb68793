"""Accounts that our row suspends, or makes an admin's: in every process within seconds, whatever their tokens say."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count
from types import SimpleNamespace
from uuid import uuid4

import httpx
import pytest
import websockets
from sqlalchemy import select, update

from app.settings import Settings
from auth.caller import Caller, Role
from auth.errors import AccountNotActive
from auth.tokens import caller_of
from db import accounts
from db.accounts import AccountState
from db.engine.errors import DatabaseUnavailable
from db.engine.statements import Reader
from db.tables import LookShare, User
from resolvers.accounts import set_as_operator
from resolvers.authentication import AccountStates
from resolvers.streams import Streams
from tests.house import House, eventually, http_client
from tests.inspected import InspectedDatabase
from tests.rest_compat.event_stream import following
from tests.schema.test_streams import Socket
from tests.servers import serving

JOBS = "/api/v1/video-jobs"
SET = """mutation($input: SetAccountStatusInput!) { setAccountStatus(input: $input) {
    status errors { ... on UserError { code field } } } }"""
REFUSED = (403, "ACCOUNT_NOT_ACTIVE")
# What the issue calls at once, and what a busy machine adds.
WITHIN = 10.0


@pytest.fixture
async def other(settings: Settings, database: InspectedDatabase) -> AsyncIterator[httpx.AsyncClient]:
    """Another process's API."""
    async with serving(settings, database) as url, http_client(url) as http:
        yield http


async def set_row(house: House, caller: Caller, **values: str) -> None:
    async with house.database.session() as session:
        await session.execute(update(User).where(User.id == caller.user_id).values(**values))


async def answers(house: House, caller: Caller, *servers: httpx.AsyncClient) -> list[tuple[int, object]]:
    """Ask each server over both wires; return statuses and codes."""
    found: list[tuple[int, object]] = []
    for http in servers:
        rest = await http.get(JOBS, headers=house.headers(caller))
        graphql = await http.post("/graphql", json={"query": "{ viewer { id } }"}, headers=house.headers(caller))
        errors = graphql.json().get("errors", [{}])
        found += [(rest.status_code, rest.json().get("code"))]
        found += [(graphql.status_code, errors[0].get("extensions", {}).get("code"))]
    return found


@pytest.mark.parametrize("status", ["suspended", "pending"])
async def test_an_older_token_is_refused_in_every_process(house: House, other: httpx.AsyncClient, status: str) -> None:
    caller, bystander = await house.user(), await house.user()
    assert await answers(house, caller, house.http, other) == [(200, None)] * 4

    await set_row(house, caller, status=status)
    everywhere = await eventually(
        lambda: answers(house, caller, house.http, other), lambda found: found == [REFUSED] * 4, WITHIN
    )
    assert everywhere == [REFUSED] * 4
    assert await answers(house, bystander, house.http, other) == [(200, None)] * 4

    await set_row(house, caller, status="active")
    await eventually(lambda: answers(house, caller, house.http), lambda found: found == [(200, None)] * 2, WITHIN)


async def test_open_streams_and_polls_of_a_suspended_account_end(house: House) -> None:
    caller, bystander = await house.user(), await house.user()
    job, its_job = await house.create(caller), await house.create(bystander)
    tag = (await house.http.get(f"{JOBS}/{job}", headers=house.headers(caller))).headers["ETag"]
    waiting = {"If-None-Match": tag, "Prefer": "wait=50"}
    query = "subscription($id: ID!) { videoJob(id: $id) { status } }"
    async with (
        following(house, caller, job) as events,
        Socket.opened(house.base_url, house.headers(caller)) as idle,
        Socket.opened(house.base_url, house.headers(caller)) as busy,
        Socket.opened(house.base_url, house.headers(bystander)) as free,
        house.http.stream(
            "POST",
            "/graphql",
            json={"query": query, "variables": {"id": job}},
            headers={**house.headers(caller), "Accept": "text/event-stream"},
        ) as sse,
    ):
        lines = sse.aiter_lines()
        assert await anext(lines) == "event: next"
        await busy.subscribe(query, id=job)
        await free.subscribe(query, id=its_job)
        assert [await busy.data(), await free.data()] == [{"status": "PENDING"}] * 2
        await events.until("status")
        poll = asyncio.create_task(house.http.get(f"{JOBS}/{job}", headers={**house.headers(caller), **waiting}))

        await set_row(house, caller, status="suspended")
        async with asyncio.timeout(WITHIN):
            assert await events.next() is None
            assert "event: complete" not in [line async for line in lines]
            for socket in (idle, busy):
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    await socket.receive()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 4403
            answer = await poll
        assert (answer.status_code, answer.json()["code"]) == REFUSED
        await free.send(type="ping")
        assert (await free.receive())["type"] == "pong"


async def test_an_admin_suspends_and_activates(house: House) -> None:
    admin, caller = await house.user(role=Role.ADMIN), await house.user()

    async def ask(who: Caller, user_id: object, status: str) -> object:
        body = await house.graphql(who, SET, input={"userId": str(user_id), "status": status})
        return (body["data"] and body["data"]["setAccountStatus"]) or body["errors"][0]["extensions"]["code"]

    assert await ask(caller, admin.user_id, "SUSPENDED") == "ADMIN_REQUIRED"
    assert await ask(admin, caller.user_id, "SUSPENDED") == {"status": "SUSPENDED", "errors": []}
    await eventually(lambda: answers(house, caller, house.http), lambda found: found == [REFUSED] * 2, WITHIN)
    assert await ask(admin, caller.user_id, "ACTIVE") == {"status": "ACTIVE", "errors": []}
    await eventually(lambda: answers(house, caller, house.http), lambda found: found == [(200, None)] * 2, WITHIN)
    for nobody in (uuid4(), "no id"):
        refused = {"status": None, "errors": [{"code": "USER_NOT_FOUND", "field": "userId"}]}
        assert await ask(admin, nobody, "SUSPENDED") == refused
    own = {"status": None, "errors": [{"code": "INVALID_INPUT", "field": "userId"}]}
    assert await ask(admin, admin.user_id, "SUSPENDED") == own
    async with house.database.session() as session:
        statuses = await session.scalars(select(User.status).where(User.id.in_([admin.user_id, caller.user_id])))
        assert list(statuses) == ["active", "active"]


async def test_what_was_known_last_counts_while_the_database_is_away(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    active, suspended = await house.user(), await house.user()
    await set_row(house, suspended, status="suspended")
    states, new = (AccountStates(house.database.reader, Streams(1)) for _ in range(2))
    await states.read()

    async def away(_reader: Reader) -> list[AccountState]:
        raise DatabaseUnavailable

    monkeypatch.setattr(accounts, "special_states", away)
    monkeypatch.setattr("resolvers.authentication.STALE_SECONDS", 0.0)

    assert await states.checked(active) == active
    with pytest.raises(AccountNotActive):
        await states.checked(suspended)
    with pytest.raises(DatabaseUnavailable):
        await new.checked(active)


async def test_what_is_begun_with_rights_that_were_taken_a_moment_before_is_ended(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A second later at each look.
    monkeypatch.setattr("resolvers.authentication.time", SimpleNamespace(monotonic=count().__next__))
    caller, streams, ended = await house.user(), Streams(1), list[str]()
    states = AccountStates(house.database.reader, streams)
    for role in (Role.ADMIN, Role.USER):
        async with house.database.transaction() as transaction:
            await set_as_operator(transaction, caller, role)
        await states.read()
        caller = await states.checked(caller) if role is Role.ADMIN else caller
    await states.read()

    with (
        streams.ended_by(caller, lambda: ended.append("locked out"), lambda: ended.append("demoted")),
        streams.ended_by(replace(caller, role=Role.USER), lambda: ended.append("a plain user's")),
    ):
        await states.read()

    assert (caller.is_admin, ended) == (True, ["demoted"])


@pytest.mark.parametrize("by_token", Role)
async def test_a_role_of_ours_takes_away_what_it_gave_and_nothing_of_the_tokens(house: House, by_token: Role) -> None:
    caller = await house.user(role=by_token)
    states = AccountStates(house.database.reader, Streams(1))
    for role in (Role.ADMIN, Role.USER):
        async with house.database.transaction() as transaction:
            await set_as_operator(transaction, caller, role)
        await states.read()
        caller = await states.checked(caller)

        assert caller.is_admin == (Role.ADMIN in {by_token, role})


async def test_a_role_of_ours_makes_an_admin(house: House) -> None:
    caller = await house.user()

    async def status() -> int:
        return (await house.http.get("/api/v1/looks?all=true", headers=house.headers(caller))).status_code

    assert await status() == 403
    await set_row(house, caller, role="admin")
    await eventually(status, lambda found: found == 200, WITHIN)
    await set_row(house, caller, role="user")
    await eventually(status, lambda found: found == 403, WITHIN)


async def test_nothing_that_was_begun_as_an_admin_outlives_the_role(house: House) -> None:
    owner, admin = await house.user(), await house.user()
    job = await house.create(owner)
    await set_row(house, admin, role="admin")
    query = "subscription($id: ID!) { videoJob(id: $id) { status } }"

    async def may_read() -> int:
        return (await house.http.get(f"{JOBS}/{job}", headers=house.headers(admin))).status_code

    await eventually(may_read, lambda status: status == 200, WITHIN)
    async with (
        following(house, admin, job) as events,
        Socket.opened(house.base_url, house.headers(admin)) as idle,
        Socket.opened(house.base_url, house.headers(admin)) as busy,
        Socket.opened(house.base_url, house.headers(owner)) as free,
    ):
        await events.until("status")
        await busy.subscribe(query, id=job)
        await free.subscribe(query, id=job)
        assert [await busy.data(), await free.data()] == [{"status": "PENDING"}] * 2

        await set_row(house, admin, role="user")
        async with asyncio.timeout(WITHIN):
            assert await events.next() is None
            for socket in (idle, busy):
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    await socket.receive()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1013
        async with Socket.opened(house.base_url, house.headers(admin)) as again:
            await again.subscribe("query { viewer { isAdmin } }")
            assert await again.all_data() == [{"isAdmin": False}]
            for socket in (again, free):
                await socket.send(type="ping")
                assert (await socket.receive())["type"] == "pong"


@pytest.mark.parametrize("unverified", [False, "false", "False", 0, "0", "no", ""])
def test_an_address_that_is_not_verified_is_not_known(unverified: object) -> None:
    claims = {"sub": "x", "email": "a@b.example", "exp": 2_000_000_000}

    assert caller_of({**claims, "email_verified": unverified}).email is None
    for verified in ({}, {"email_verified": True}, {"email_verified": "true"}):
        assert caller_of({**claims, **verified}).email == "a@b.example"


async def test_sharing_tells_nothing_about_whom_it_names(house: House) -> None:
    owner, friend, nobody = await house.user(), await house.user(), house.unknown_caller()
    said = {}
    for who in (friend, nobody):
        look = str((await house.look(owner)).id)
        share = {"visibility": "shared", "sharedWithUserIds": [str(who.user_id)]}
        rest = await house.http.patch(f"/api/v1/looks/{look}/visibility", json=share, headers=house.headers(owner))
        query = "query($id: ID!) { look(id: $id) { sharedWith { id email name } } }"
        graphql = await house.graphql(owner, query, id=look)
        body = rest.json()
        for texts in (rest.text, str(graphql)):
            assert "@" not in texts
        for own in ("id", "createdAt", "updatedAt", "products"):
            del body[own]
        said[who.user_id] = (
            str((rest.status_code, body, graphql)).replace(str(who.user_id), "WHO").replace(look, "LOOK")
        )
    assert said[friend.user_id] == said[nobody.user_id]
    assert "WHO" in said[nobody.user_id]

    assert await house.count(LookShare.user_id == nobody.user_id, table=LookShare) == 1
    seen = await house.http.get(f"/api/v1/looks/{look}", headers=house.headers(nobody))
    assert seen.status_code == 200  # once they are here
