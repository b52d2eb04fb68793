"""PostgreSQL refuses: it is full, read-only, not migrated. Both APIs say which it is, and nothing is charged."""

from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import cycle, product
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from gql.transport.exceptions import TransportConnectionFailed, TransportQueryError
from websockets.exceptions import ConnectionClosedError

from app.settings import Settings
from auth.caller import Caller
from db.engine.errors import DatabaseUnavailable
from tests.db.test_error_names import NAMES
from tests.house import FORM, House, multipart
from tests.inspected import InspectedDatabase
from tests.schema.test_subscriptions import by_payload, follow
from tests.servers import serving
from tests.wires import CREATE

# What makes a part of the schema go, and what brings it back.
SPOILT = [
    (
        "ALTER TABLE video_jobs RENAME COLUMN status_message TO renamed",
        "ALTER TABLE video_jobs RENAME COLUMN renamed TO status_message",
    ),
    ("ALTER TABLE video_jobs RENAME TO renamed", "ALTER TABLE renamed RENAME TO video_jobs"),
]
REFUSING = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'as the test wants it' USING ERRCODE = '{state}'; END $$;
CREATE CONSTRAINT TRIGGER refusing AFTER INSERT ON {table} {when} FOR EACH ROW EXECUTE FUNCTION refuse();
"""
ALLOWING = "DROP FUNCTION refuse CASCADE"
AT_ONCE, AT_COMMIT = "NOT DEFERRABLE", "DEFERRABLE INITIALLY DEFERRED"


@pytest.fixture(scope="module")
async def own(settings: Settings, database: InspectedDatabase) -> AsyncIterator[House]:
    """An API on a database of its own, for the tests to spoil."""
    async with (
        database.beside("heads") as own,
        serving(settings, own) as base_url,
        House.opened(settings, own, base_url) as house,
    ):
        yield house


@pytest.fixture
async def admin(own: House) -> AsyncIterator[asyncpg.Connection]:
    async with own.database.raw_connection() as connection:
        yield connection


async def over_rest(house: House, caller: Caller, method: str, path: str, **more: Any) -> tuple[int, str, str]:
    answer = await house.http.request(method, path, headers=house.headers(caller), **more)
    return answer.status_code, answer.json().get("code"), answer.json().get("detail")


async def over_graphql(house: House, caller: Caller, query: str, **variables: Any) -> tuple[str, str]:
    body = await house.graphql(caller, query, **variables)
    error = body["errors"][0]
    return error["extensions"]["code"], error["message"]


async def create_over_rest(house: House, caller: Caller) -> str:
    status, code, detail = await over_rest(house, caller, "POST", "/api/v1/video-jobs", files=multipart(FORM))
    assert (status, "test" in detail) == (503, False)
    return code


async def create_over_graphql(house: House, caller: Caller) -> str:
    code, message = await over_graphql(house, caller, CREATE, input=FORM | {"mockMode": True})
    assert "test" not in message
    return code


# Every state once, in turns, and of each name one state in every way; tests/db/test_error_names.py has all in all ways.
WAYS = list(product([create_over_rest, create_over_graphql], [("video_jobs", AT_ONCE), ("token_ledger", AT_COMMIT)]))
ONE_OF_EACH_NAME = {name: state for state, name in NAMES.items()}.values()
REFUSALS = dict.fromkeys([*zip(NAMES, cycle(WAYS), strict=False), *product(ONE_OF_EACH_NAME, WAYS)])


@pytest.mark.parametrize(
    ("state", "create", "table", "when"), [(state, create, *place) for state, (create, place) in REFUSALS]
)
async def test_what_is_refused_in_a_creation_has_a_name_and_costs_nothing(  # noqa: PLR0913, PLR0917 - each is one thing
    own: House, admin: asyncpg.Connection, state: str, table: str, when: str, create: Callable[..., Awaitable[str]]
) -> None:
    caller = await own.user(tokens=100)
    before = await own.traces(caller)
    await admin.execute(REFUSING.format(state=state, table=table, when=when))
    try:
        code = await create(own, caller)
    finally:
        await admin.execute(ALLOWING)

    assert code == NAMES[state].code
    assert await own.traces(caller) == before
    await own.create(caller)


READS = [
    ("GET", "/api/v1/video-jobs"),
    ("GET", "/api/v1/video-jobs/{id}"),
    ("GET", "/api/v1/video-jobs/{id}/events"),
    ("GET", "/api/v1/video-jobs/{id}/download"),
    ("DELETE", "/api/v1/video-jobs/{id}"),
]
QUERIES = [
    "{ videoJobs { nodes { id statusMessage } } }",
    '{ videoJob(id: "{id}") { id statusMessage } }',
    'mutation { cancelVideoJob(input: {id: "{id}"}) { errors { __typename } } }',
]


@pytest.mark.parametrize(("spoil", "mend"), SPOILT)
async def test_code_on_an_older_schema_says_that_a_migration_is_due(
    own: House, admin: asyncpg.Connection, spoil: str, mend: str
) -> None:
    caller = await own.user(tokens=100)
    job_id = await own.create(caller)
    form = multipart(FORM)
    await admin.execute(spoil)
    try:
        rest = [await over_rest(own, caller, method, path.format(id=job_id)) for method, path in READS]
        rest.append(await over_rest(own, caller, "POST", "/api/v1/video-jobs", files=form))
        graphql = [await over_graphql(own, caller, query.replace("{id}", job_id)) for query in QUERIES]
        graphql.append(await over_graphql(own, caller, CREATE, input=FORM | {"mockMode": True}))
        with pytest.raises(TransportQueryError, match="lookreel migrate") as subscription:
            await anext(follow(own, job_id, **by_payload(own, caller)))
    finally:
        await admin.execute(mend)

    assert {(status, code) for status, code, _ in rest} == {(503, "DATABASE_NOT_MIGRATED")}
    assert {code for code, _ in graphql} == {"DATABASE_NOT_MIGRATED"}
    assert all("lookreel migrate" in text for text in (*(text for _, _, text in rest), *(text for _, text in graphql)))
    assert subscription.value.errors
    assert subscription.value.errors[0]["extensions"] == {"code": "DATABASE_NOT_MIGRATED"}
    assert (await own.tokens(caller), await own.charges(caller)) == (50, 1)


async def test_a_read_only_database_is_read(own: House, admin: asyncpg.Connection) -> None:
    caller = await own.user(tokens=100)
    job_id = await own.create(caller)
    name = await admin.fetchval("SELECT current_database()")
    reading: list[httpx.Response] = []
    await admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await end_others(admin)
    try:
        codes = {await create_over_rest(own, caller), await create_over_graphql(own, caller)}
        codes |= {(await over_rest(own, caller, "DELETE", f"/api/v1/video-jobs/{job_id}"))[1]}
        codes |= {(await over_rest(own, own.unknown_caller(), "GET", "/api/v1/looks"))[1]}
        reading = [
            await own.http.get(path, headers=own.headers(caller))
            for path in ("/api/v1/looks", f"/api/v1/video-jobs/{job_id}", "/healthz")
        ]
    finally:
        await admin.execute("SET default_transaction_read_only = off")
        await admin.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        await end_others(admin)

    assert codes == {"DATABASE_READ_ONLY"}
    assert [answer.status_code for answer in reading] == [200, 200, 200]
    assert await own.tokens(caller) == 50
    await own.create(caller)


async def end_others(admin: asyncpg.Connection) -> None:
    """End all other connections to the database, whose sessions have begun under the old setting."""
    await admin.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


async def test_a_websocket_that_cannot_be_admitted_is_asked_to_come_again(settings: Settings) -> None:
    nowhere = InspectedDatabase("postgresql://nobody@127.0.0.1:1/nothing")
    async with serving(settings, nowhere) as base_url, House.opened(settings, nowhere, base_url) as house:
        with pytest.raises(TransportConnectionFailed) as closed:
            await anext(follow(house, str(uuid4()), **by_payload(house, house.unknown_caller())))
    await nowhere.close()

    cause = closed.value.__cause__
    assert isinstance(cause, ConnectionClosedError)
    assert cause.rcvd is not None
    assert (cause.rcvd.code, cause.rcvd.reason) == (1013, DatabaseUnavailable.code)
