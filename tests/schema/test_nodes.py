"""Reading again by id: any type's objects, many in a statement for each type."""

import pytest

from auth.caller import Role
from tests.house import House
from tests.schema.test_queries import statements

NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on VideoJob { prompt } ... on Look { title } } }"


async def test_jobs_and_looks_are_read_by_their_ids_in_order(house: House) -> None:
    caller, other = await house.user(tokens=1000), await house.user()
    jobs, looks = [await house.create(caller) for _ in range(2)], [str((await house.look(caller)).id) for _ in range(2)]
    theirs = [await house.create(other), str((await house.look(other)).id)]
    ids = [looks[0], jobs[0], theirs[0], "no uuid", jobs[1], looks[1], theirs[1], jobs[0], str(caller.user_id)]

    with statements() as sent:
        body = await house.graphql(caller, NODES, ids=ids)

    look, job = {"__typename": "Look", "title": "Stone Essence"}, {"__typename": "VideoJob", "prompt": None}
    found = body["data"]["nodes"]
    job["prompt"] = found[1]["prompt"]
    assert found == [
        look | {"id": looks[0]},
        job | {"id": jobs[0]},
        None,
        None,
        job | {"id": jobs[1]},
        look | {"id": looks[1]},
        None,
        job | {"id": jobs[0]},
        None,
    ]
    assert len([statement for statement in sent if statement.startswith("SELECT")]) == 2
    everything = await house.graphql(await house.user(role=Role.ADMIN), NODES, ids=[*theirs, jobs[0]])
    assert [node["id"] for node in everything["data"]["nodes"]] == [*theirs, jobs[0]]


async def test_single_nodes_of_one_request_share_their_statements(house: House) -> None:
    caller = await house.user()
    look, job = str((await house.look(caller)).id), await house.create(caller)

    with statements() as sent:
        body = await house.graphql(
            caller,
            f"""{{ a: node(id: "{look}") {{ id }} b: node(id: "{job}") {{ __typename ... on VideoJob {{ status }} }}
            c: node(id: "x") {{ id }} }}""",
        )

    assert body["data"] == {"a": {"id": look}, "b": {"__typename": "VideoJob", "status": "PENDING"}, "c": None}
    assert len([statement for statement in sent if statement.startswith("SELECT")]) == 2


@pytest.mark.parametrize(("count", "codes"), [(0, []), (100, []), (101, ["INVALID_INPUT"])])
async def test_so_many_nodes_at_most(house: House, count: int, codes: list[str]) -> None:
    body = await house.graphql(await house.user(), "query ($i: [ID!]!) { nodes(ids: $i) { id } }", i=["x"] * count)

    assert [error["extensions"]["code"] for error in body.get("errors", [])] == codes
    assert codes or body["data"] == {"nodes": [None] * count}
