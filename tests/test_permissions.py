"""Every operation of both APIs, tried by every kind of caller: the outcome, what it shows, and what it leaves alone."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from graphql import GraphQLObjectType, build_schema, get_named_type
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError
from websockets.typing import Subprotocol

from app.asgi import rest_api
from auth.caller import AccountStatus
from db.tables import User
from schema.schema import schema
from tests.house import House, multipart
from tests.permissions import (
    DELETIONS_FOLLOWED,
    GRAPHQL,
    MAKE_PUBLIC,
    OPEN,
    OWNERS_JOBS_FOLLOWED,
    PROMPT,
    REST,
    TABLE,
    TITLE,
    Case,
    Outcome,
    Rule,
    World,
    prepared,
)

SILENCE_SECONDS = 0.5
FIRST_LINE = "Video job created, 50 tokens charged"
DONE = "done"
LOOK_VIDEO_FIELDS = {
    *("thumbnailUrl", "videoJobId", "videoJob", "videoUrl", "resolution", "aspectRatio", "durationSeconds"),
    *("videoDurationSeconds", "videoWidth", "videoHeight", "errorCode", "errorMessage"),
}
LOOK_VIDEO_MEMBERS = {"id", "status", "cloudinaryUrl", "isDefault", "createdAt", "progressPercentage"} | {
    "aiGenerated",
    "contentCredentials",
}
# Where a query answers null.
NULL = {"Query.videoJob": Outcome.NO_JOB, "Query.look": Outcome.NO_LOOK, "Query.node": Outcome.NO_JOB}
# How a refusal looks over REST; contract.md says nothing about the words behind a 403.
REFUSALS = {
    Outcome.NO_JOB: (404, "Video job not found"),
    Outcome.NO_LOOK: (404, "Look not found"),
    Outcome.INVALID_LOOK: (400, "Invalid look_id"),
    Outcome.UNAUTHENTICATED: (401, "Could not validate credentials"),
    Outcome.ADMIN_REQUIRED: (403, None),
    Outcome.NOT_ACTIVE: (403, None),
}


@dataclass(frozen=True)
class Answer:
    """What came of a request: `DONE`, or an outcome's value; and all that the caller was shown."""

    outcome: str
    shown: str


def operation(name: str) -> str:
    """Return the operation that a row of the table is about; behind a comma stands a variant of it."""
    return name.partition(",")[0]


def graphql_operations() -> set[str]:
    """Return every root field, such as `Mutation.deleteLook`."""
    built = build_schema(schema.as_str())
    roots = [root for root in (built.query_type, built.mutation_type, built.subscription_type) if root]
    return {f"{root.name}.{name}" for root in roots for name in root.fields}


def rest_operations() -> set[str]:
    """Return every method of every path, such as `DELETE /api/v1/looks/{look_id}`."""
    paths = rest_api().openapi()["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}


async def ask_rest(world: World, name: str, case: Case) -> Answer:
    method, path = operation(name).split(" ")
    path = path.format(
        video_job_id=world.filled(case.job_in_path), look_id=world.ids["look"], user_id=world.ids["owner"]
    )
    form = case.form and {key: world.filled(value) for key, value in case.form.items()}
    answer = await world.house.http.request(
        method,
        path + world.filled(case.ask),
        headers=world.headers(),
        json=case.json and json.loads(world.filled(json.dumps(case.json))),
        files=multipart(form) if form else None,
    )
    if answer.status_code >= 400:
        return Answer(_code_over_rest(answer), answer.text)
    is_json = answer.status_code == 200 and answer.headers["Content-Type"] == "application/json"
    listed = method == "GET" and is_json and answer.json().get("total") == 0
    return Answer(Outcome.EMPTY if listed else DONE, answer.text + answer.headers.get("Location", ""))


def _code_over_rest(answer: httpx.Response) -> str:
    body = answer.json()
    code = Outcome(body["code"])
    status, detail = REFUSALS[code]
    assert (answer.status_code, body["detail"]) == (status, detail or body["detail"])
    assert answer.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)
    return code


async def ask_graphql(world: World, name: str, case: Case) -> Answer:
    kind, field = operation(name).split(".")
    document = world.filled(f"{kind.lower()} {{ {field} {case.ask} }}")
    if kind == "Subscription":
        is_owners = case.rule is OWNERS_JOBS_FOLLOWED and world.caller != world.owner
        expects_silence = is_owners or case.rule is DELETIONS_FOLLOWED
        return await _follow(world, document, SILENCE_SECONDS if expects_silence else 10)
    answer = await world.house.http.post("/graphql", json={"query": document}, headers=world.headers())
    body = answer.json()
    if "errors" in body:
        code = body["errors"][0]["extensions"]["code"]
        assert answer.status_code == (403 if code == Outcome.NOT_ACTIVE else 200)
        assert body.get("data") in (None, {field: None})
        return Answer(code, answer.text)
    return Answer(_outcome_in_data(name, body["data"][field]), answer.text)


def _outcome_in_data(name: str, value: dict[str, Any] | list[Any] | None) -> str:
    """Read what a root field was resolved to: null, a list, a page, or a payload with typed errors."""
    if value is None:
        return Outcome.NO_LOOK if "look" in name else NULL[operation(name)]
    if isinstance(value, list):
        return DONE if any(value) else Outcome.EMPTY
    if value.get("nodes") == []:
        return Outcome.EMPTY
    refusals = value.get("errors", [])
    if not refusals:
        return DONE
    if name.startswith("Mutation"):
        assert [result for key, result in value.items() if key != "errors"] == [None]
    code: str = refusals[0]["code"]
    return code


async def _said_within(socket: ClientConnection, seconds: float) -> str:
    try:
        return str(await asyncio.wait_for(socket.recv(), seconds))
    except TimeoutError:
        return ""


async def _follow(world: World, document: str, seconds: float) -> Answer:
    """Subscribe by the protocol graphql-transport-ws; return the first message."""
    url = f"{world.house.base_url.replace('http', 'ws', 1)}/graphql"
    subscribe = {"id": "1", "type": "subscribe", "payload": {"query": document}}
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": world.headers()}))
        try:
            assert json.loads(await socket.recv())["type"] == "connection_ack"
        except ConnectionClosedError as closed:
            forbidden = closed.rcvd is not None and closed.rcvd.code == 4403
            return Answer(Outcome.CLOSED if forbidden else "closed otherwise", str(closed))
        await socket.send(json.dumps(subscribe))
        # Whoever gets nothing is told so by silence.
        if not (shown := await _said_within(socket, seconds)):
            return Answer(Outcome.EMPTY, shown)
    message = json.loads(shown)
    assert message["type"] == "next"
    if "errors" in message["payload"]:
        assert message["payload"]["data"] is None
        return Answer(message["payload"]["errors"][0]["extensions"]["code"], shown)
    return Answer(DONE, shown)


def is_read(name: str) -> bool:
    return name.startswith(("GET", "Query", "Subscription"))


def test_every_graphql_operation_has_a_rule() -> None:
    assert {operation(name) for name in GRAPHQL} == graphql_operations()


def test_every_rest_operation_has_a_rule() -> None:
    assert {operation(name) for name in REST} == rest_operations()


def is_done(name: str, who: str) -> bool:
    return TABLE[name].expected(who) in {Outcome.ALLOWED, Outcome.OWN}


def groups() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each row's callers: those of whom nothing is changed ask in one world, each other one in its own."""
    for name, case in TABLE.items():
        quiet = [who for who in Rule._fields if is_read(name) or not is_done(name, who)]
        together = () if "$own" in case.asked else tuple(quiet)
        yield from ((name, (who,)) for who in Rule._fields if who not in together)
        if together:
            yield name, together


@pytest.mark.parametrize(("name", "callers"), list(groups()))
async def test_each_caller_gets_what_the_rule_says_and_nothing_else_happens(
    house: House, name: str, callers: tuple[str, ...]
) -> None:
    case = TABLE[name]
    worlds = await prepared(house, case, *callers)
    before = await worlds[0].state()

    ask = ask_graphql if name in GRAPHQL else ask_rest
    answers = await asyncio.gather(*(ask(world, name, case) for world in worlds))

    after = await worlds[0].state()
    outcomes = {who: DONE if is_done(name, who) else case.expected(who) for who in callers}
    assert {who: answer.outcome for who, answer in zip(callers, answers, strict=True)} == outcomes, answers
    if is_read(name) or DONE not in outcomes.values():
        assert after == before
    elif case.expected(callers[0]) is Outcome.ALLOWED:
        assert after.owners != before.owners
    elif callers != ("owner",):
        assert after.owners == before.owners
    for who, world, answer in zip(callers, worlds, answers, strict=True):
        check_what_is_shown(world, name, who, answer.shown)


def check_what_is_shown(world: World, name: str, who: str, shown: str) -> None:
    """Check that an allowed read shows the owner's job or look, and that nobody sees more than that."""
    expected = TABLE[name].expected(who)
    if expected is Outcome.ALLOWED and is_read(name):
        assert any(sign in shown for sign in (world.ids["job"], world.ids["look"], world.ids["owner"], FIRST_LINE)), who
    if who != "owner" and expected is not Outcome.ALLOWED:
        secrets = (TITLE, PROMPT, world.ids["owner"], str(world.owner.email))
        assert [secret for secret in secrets if secret in shown] == [], who
    if who not in {"owner", "admin"}:
        assert PROMPT not in shown, who


@pytest.mark.parametrize("name", sorted({operation(name) for name, case in REST.items() if case.rule is not OPEN}))
@pytest.mark.parametrize(("who", "status"), [("anonymous", 401), ("suspended", 403)])
async def test_who_is_not_let_in_is_not_told_what_is_wrong_with_a_request(
    house: House, name: str, who: str, status: int
) -> None:
    caller = house.unknown_caller(status=AccountStatus.SUSPENDED)
    method, path = name.split(" ")

    answer = await house.http.request(
        method, f"{path}?skip=-1", headers=house.headers(caller) if who == "suspended" else {}
    )

    assert answer.status_code == status


async def test_an_account_that_is_not_active_is_not_even_opened(house: House) -> None:
    caller = house.unknown_caller(status=AccountStatus.SUSPENDED)

    await house.http.get("/api/v1/subscription/info", headers=house.headers(caller))
    await house.graphql(caller, "{ viewer { id } }")

    assert await house.count(User.id == caller.user_id, table=User) == 0


@pytest.mark.parametrize("sql", [None, MAKE_PUBLIC])
@pytest.mark.parametrize("who", ["owner", "admin", "shared_with", "other"])
async def test_a_looks_video_shows_its_job_to_whoever_may_read_that(house: House, who: str, sql: str | None) -> None:
    [world] = await prepared(house, Case(TABLE["Query.look"].rule, sql=sql), who)
    query = '{ look(id: "$look") { videos { videoJobId videoJob { id prompt } } } }'

    body = await house.graphql(world.caller, world.filled(query))

    if who == "other" and sql is None:
        assert body["data"]["look"] is None
        return
    job = {"id": world.ids["job"], "prompt": PROMPT} if who in {"owner", "admin"} else None
    assert body["data"]["look"]["videos"] == [{"videoJobId": world.ids["job"], "videoJob": job}]


def test_a_look_leads_to_no_job_log_or_charge_but_of_the_callers_in_the_schema() -> None:
    types = build_schema(schema.as_str()).type_map
    found, waiting = set(), ["Look"]
    while waiting:
        name = waiting.pop()
        type_ = types[name]
        if name not in found and isinstance(type_, GraphQLObjectType):
            found.add(name)
            fields = [field for field in type_.fields.items() if (name, field[0]) != ("LookVideo", "videoJob")]
            waiting += [get_named_type(field.type).name for _, field in fields]

    look_video = types["LookVideo"]
    assert isinstance(look_video, GraphQLObjectType)
    assert set(look_video.fields) == LOOK_VIDEO_MEMBERS | LOOK_VIDEO_FIELDS
    assert found == {"Look", "Product", "LookVideo", "SharedWith", "User"}


async def test_a_shared_looks_video_has_the_contracts_members_and_no_more(house: House) -> None:
    [world] = await prepared(house, Case(REST["GET /api/v1/looks/{look_id}"].rule), "shared_with")

    one = await house.http.get(f"/api/v1/looks/{world.ids['look']}", headers=world.headers())
    listed = await house.http.get("/api/v1/looks?view_type=shared_with_me", headers=world.headers())

    videos = [*one.json()["videos"], *listed.json()["looks"][0]["videos"]]
    assert [video["id"] for video in videos] == [world.ids["job"]] * 2
    assert [set(video) for video in videos] == [LOOK_VIDEO_MEMBERS] * 2


@pytest.mark.parametrize("wire", ["rest", "graphql"])
async def test_an_admins_link_shows_nobody_a_look_that_is_not_for_their_eyes(house: House, wire: str) -> None:
    [world] = await prepared(house, Case(TABLE["Query.look"].rule), "admin")
    other = await house.user()
    job_id = await house.create(other)
    link = GRAPHQL["Mutation.linkVideoToLook"].ask.replace("$job", job_id)
    await house.graphql(world.caller, world.filled(f"mutation {{ linkVideoToLook {link} }}"))

    if wire == "rest":
        seen = (await house.http.get(f"/api/v1/video-jobs/{job_id}", headers=house.headers(other))).json()
    else:
        query = "query ($id: ID!) { videoJob(id: $id) { associatedLooks { id title } } }"
        seen = (await house.graphql(other, query, id=job_id))["data"]["videoJob"]

    assert seen["associatedLooks"] == []
