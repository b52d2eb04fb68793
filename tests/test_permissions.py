"""Every operation of both APIs, tried by every kind of caller: the outcome, what it shows, and what it leaves alone."""

import asyncio
from collections.abc import Iterator

import pytest
from graphql import GraphQLObjectType, build_schema, get_named_type

from app.asgi import rest_api
from auth.caller import AccountStatus
from db.tables import User
from schema.schema import schema
from tests.house import House
from tests.permission_requests import DONE, ask_graphql, ask_rest, operation
from tests.permission_worlds import World, prepared
from tests.permissions import GRAPHQL, MAKE_PUBLIC, OPEN, PROMPT, REST, TABLE, TITLE, Case, Outcome, Rule

FIRST_LINE = "Video job created, 50 tokens charged"
LOOK_VIDEO_FIELDS = {
    *("thumbnailUrl", "videoJobId", "videoJob", "videoUrl", "resolution", "aspectRatio", "durationSeconds"),
    *("videoDurationSeconds", "videoWidth", "videoHeight", "errorCode", "errorMessage"),
}
LOOK_VIDEO_MEMBERS = {"id", "status", "cloudinaryUrl", "isDefault", "createdAt", "progressPercentage"} | {
    "aiGenerated",
    "contentCredentials",
}


def graphql_operations() -> set[str]:
    """Return every root field, such as `Mutation.deleteLook`."""
    built = build_schema(schema.as_str())
    roots = [root for root in (built.query_type, built.mutation_type, built.subscription_type) if root]
    return {f"{root.name}.{name}" for root in roots for name in root.fields}


def rest_operations() -> set[str]:
    """Return every method of every path, such as `DELETE /api/v1/looks/{look_id}`."""
    paths = rest_api().openapi()["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}


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
