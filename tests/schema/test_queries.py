"""Reading over GraphQL: the viewer, single rows, connections, and that lists cost a constant number of statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import Engine, event

from auth.caller import Role
from db.engine.pool import Pool
from db.engine.statements import Statement
from tests.house import FORM, House, multipart

LOOKS = """query ($first: Int, $after: String) { looks(first: $first, after: $after) {
  nodes { id title products { name price } videos { id status } sharedWith { id } defaultThumbnailUrl }
  edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
JOBS = """query ($first: Int, $after: String) { videoJobs(first: $first, after: $after) {
  nodes { id version logs { message } associatedLooks { title } } pageInfo { hasNextPage endCursor } } }"""

# What no request waits for: the process reads each second who may act, and tells of changes a little later.
BESIDES = ("SELECT users.id, users.status, users.role", "SELECT pg_notify")


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the SQL statements that requests to this process send."""
    sent: list[str] = []
    fetch = Pool.fetch

    async def note_read(self: Pool, statement: Statement[Any], **values: object) -> list[Any]:
        if not statement.sql.startswith(BESIDES):
            sent.append(statement.sql)
        return await fetch(self, statement, **values)

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        with patch.object(Pool, "fetch", note_read):
            yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_a_viewers_account_is_made_on_first_sight(house: House) -> None:
    caller = house.unknown_caller()

    body = await house.graphql(caller, "{ viewer { id email isAdmin tokens { balance } } }")

    assert body["data"]["viewer"] == {
        "id": str(caller.user_id),
        "email": caller.email,
        "isAdmin": False,
        "tokens": {"balance": 100},
    }


async def test_a_connection_is_paged_newest_first_without_gaps(house: House) -> None:
    caller = await house.user()
    ids = [str((await house.look(caller)).id) for _ in range(5)]
    await house.look(await house.user())

    seen, after, pages = [], None, 0
    while True:
        body = await house.graphql(caller, LOOKS, first=2, after=after)
        page = body["data"]["looks"]
        seen += [node["id"] for node in page["nodes"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        pages, after = pages + 1, page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert seen == ids[::-1]
    assert pages == 3


async def test_fifty_looks_take_as_many_statements_as_two(house: House) -> None:
    counts = []
    for size in (2, 50):
        caller = await house.user(tokens=1000)
        looks = [await house.look(caller) for _ in range(size)]
        for look in looks[:3]:
            await house.create(caller, lookId=look.id)
        with statements() as sent:
            body = await house.graphql(caller, LOOKS, first=size)
        assert len(body["data"]["looks"]["nodes"]) == size
        counts.append(len([statement for statement in sent if statement.startswith("SELECT")]))

    assert counts == [4, 4]


async def test_jobs_with_logs_and_looks_take_three_statements(house: House) -> None:
    caller = await house.user(tokens=1000)
    look = await house.look(caller)
    for _ in range(3):
        await house.create(caller, lookId=look.id)

    with statements() as sent:
        body = await house.graphql(caller, JOBS, first=10)

    nodes = body["data"]["videoJobs"]["nodes"]
    assert [len(node["logs"]) for node in nodes] == [1, 1, 1]
    assert [node["associatedLooks"] for node in nodes] == [[{"title": "Stone Essence"}]] * 3
    assert len([statement for statement in sent if statement.startswith("SELECT")]) == 3


async def test_jobs_can_be_listed_by_status(house: House) -> None:
    caller = await house.user(tokens=1000)
    waiting, cancelled = [await house.create(caller) for _ in range(2)]
    await house.http.post(f"/api/v1/video-jobs/{cancelled}/cancel", headers=house.headers(caller))

    body = await house.graphql(
        caller, "{ a: videoJobs(status: PENDING) { nodes { id } } b: videoJobs(status: CANCELLED) { nodes { id } } }"
    )

    assert body["data"] == {"a": {"nodes": [{"id": waiting}]}, "b": {"nodes": [{"id": cancelled}]}}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"first": 101}, "'first' must be 0 to 100"),
        ({"first": -1}, "'first' must be 0 to 100"),
        ({"first": 1, "after": "rubbish"}, "'after' is not a cursor of this list"),
        ({"first": 1, "after": "é"}, "'after' is not a cursor of this list"),
        ({"first": 1, "after": "MDAwMS0wMS0wMSB4"}, "'after' is not a cursor of this list"),
    ],
)
async def test_bad_paging_is_a_clear_error(house: House, variables: dict[str, Any], message: str) -> None:
    body = await house.graphql(await house.user(), LOOKS, **variables)

    assert body["data"] is None
    assert [(error["message"], error["extensions"]["code"]) for error in body["errors"]] == [(message, "INVALID_INPUT")]


@pytest.mark.parametrize("field", ["videoJob", "look"])
@pytest.mark.parametrize("id_", ["no-uuid", "00000000-0000-7000-8000-000000000000", "somebody else's"])
async def test_what_is_not_the_callers_reads_as_null(house: House, field: str, id_: str) -> None:
    owner = await house.user()
    theirs = {"videoJob": await house.create(owner), "look": str((await house.look(owner)).id)}

    body = await house.graphql(
        await house.user(), f"query ($id: ID!) {{ {field}(id: $id) {{ id }} }}", id=theirs[field] if " " in id_ else id_
    )

    assert body["data"] == {field: None}
    assert "errors" not in body


async def test_a_job_has_the_same_id_and_values_over_both_wires(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    fields = "id userId prompt model resolution aspectRatio status statusMessage createdAt updatedAt tokensConsumed"

    over_rest = (await house.http.get(f"/api/v1/video-jobs/{job_id}", headers=house.headers(caller))).json()
    body = await house.graphql(caller, f"query ($id: ID!) {{ videoJob(id: $id) {{ {fields} }} }}", id=job_id)

    assert body["data"]["videoJob"] == {name: over_rest[name] for name in fields.split()}


async def test_admins_read_anybodys_job(house: House) -> None:
    job_id = await house.create(await house.user())

    body = await house.graphql(
        await house.user(role=Role.ADMIN), "query ($id: ID!) { videoJob(id: $id) { id } }", id=job_id
    )

    assert body["data"]["videoJob"] == {"id": job_id}


async def test_without_a_token_the_schema_can_be_read_but_no_data(house: House) -> None:
    schema = await house.graphql(None, "{ __schema { queryType { name } } }")
    data = await house.graphql(None, "{ viewer { id } }")

    assert schema["data"] == {"__schema": {"queryType": {"name": "Query"}}}
    assert data["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


async def test_a_bad_token_is_a_401_before_anything_is_run(house: House) -> None:
    answer = await house.http.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"Authorization": "Bearer rubbish"}
    )

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


async def test_a_fault_of_ours_is_logged_and_not_told(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr("db.looks.LookList.page", broken)

    body = await house.graphql(await house.user(), "{ looks { nodes { id } } }")

    assert [error["message"] for error in body["errors"]] == ["Internal server error"]
    assert "the inside" in caplog.text


async def test_a_clients_mistake_is_told_and_not_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    body = await house.graphql(await house.user(), "{ nothing }")

    assert [error["message"] for error in body["errors"]] == ["Cannot query field 'nothing' on type 'Query'."]
    assert caplog.text == ""


async def test_the_playground_opens_in_a_browser(house: House) -> None:
    answer = await house.http.get("/graphql", headers={"Accept": "text/html"})

    assert answer.status_code == 200
    assert "graphiql" in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"rubbish",
        b"[" * 100_000,
        b'{"query": 7}',
        b"[]",
        b"7",
        b"{}",
        b'{"query": "{"}',
        b'{"query": "{ a }", "variables": 7}',
    ],
)
async def test_a_body_that_is_no_request_is_refused_in_json(house: House, body: bytes) -> None:
    answer = await house.http.post("/graphql", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code in {200, 400}
    assert [bool(error["message"]) for error in answer.json()["errors"]] == [True]


async def test_a_form_is_no_graphql(house: House) -> None:
    answer = await house.http.post("/graphql", files=multipart(FORM), headers=house.headers(await house.user()))

    assert answer.status_code == 400
