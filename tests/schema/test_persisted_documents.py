"""Documents named by their hash: found, verified, and remembered within bounds."""

import hashlib
import json
from typing import Any

import pytest

from graphql_server.documents import Documents
from schema.schema import schema
from tests.house import House
from tests.schema.over_http import EVENTS, JSON, RESPONSE_JSON


def sha256(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()


def named(document: str, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(document)}}} | more


async def post(house: House, body: dict[str, Any], accept: str = JSON) -> tuple[int, Any]:
    answer = await house.http.post("/graphql", json=body, headers={"Accept": accept})
    return answer.status_code, answer.json()


def codes(body: Any) -> list[str]:
    return [error["extensions"]["code"] for error in body["errors"]]


@pytest.mark.parametrize(("accept", "status"), [(JSON, 200), (RESPONSE_JSON, 400)])
async def test_an_unknown_hash_asks_for_the_document_and_is_known_from_then_on(
    house: House, accept: str, status: int
) -> None:
    document = f"query Known{status} {{ __typename }}"

    unknown = await post(house, named(document), accept)
    brought = await post(house, named(document, query=document), accept)
    known = await post(house, named(document), accept)

    assert unknown == (
        status,
        {"errors": [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]},
    )
    assert (brought[0], brought[1]["data"]) == (200, {"__typename": "Query"})
    assert known == brought


async def test_a_hash_is_enough_for_a_get_request_and_for_events(house: House) -> None:
    document = "query ByGet($name: String!) { __type(name: $name) { name } }"
    parameters = {"extensions": json.dumps(named(document)["extensions"]), "variables": '{"name": "Look"}'}
    browser = {"Accept": "text/html,*/*;q=0.8"}

    brought = await house.http.get("/graphql", params=parameters | {"query": document})
    known = await house.http.get("/graphql", params=parameters, headers=browser)
    event = await house.http.get("/graphql", params=parameters, headers={"Accept": EVENTS})

    assert [brought.status_code, known.status_code, event.status_code] == [200, 200, 200]
    assert known.json()["data"] == brought.json()["data"] == {"__type": {"name": "Look"}}
    assert event.text.startswith('event: next\ndata: {"data":{"__type":{"name":"Look"}}')
    assert "Cache-Control" not in known.headers


async def test_a_mutation_named_by_its_hash_is_no_more_for_get_than_another(house: House) -> None:
    document = "mutation Named { __typename }"
    await post(house, named(document, query=document))

    by_get = await house.http.get("/graphql", params={"extensions": json.dumps(named(document)["extensions"])})
    by_post = await post(house, named(document))

    assert by_get.status_code == 405
    assert by_post[1]["data"] == {"__typename": "Mutation"}


async def test_a_subscription_is_remembered_once_it_runs(house: House) -> None:
    caller = await house.user()
    document = "subscription Named($id: ID!) { videoJob(id: $id) { status } }"
    headers = house.headers(caller) | {"Accept": EVENTS}
    job_id = await house.create(caller)
    await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))
    variables = {"id": job_id}

    answers = [
        await house.http.post("/graphql", json=named(document, variables=variables) | more, headers=headers)
        for more in ({}, {"query": document}, {})
    ]

    ran = 'event: next\ndata: {"data":{"videoJob":{"status":"CANCELLED"}}}\n\nevent: complete\ndata: \n\n'
    assert "PERSISTED_QUERY_NOT_FOUND" in answers[0].text
    assert [answer.text for answer in answers[1:]] == [ran, ran]


@pytest.mark.parametrize(
    "document",
    ["query Rubbish {", "query Rubbish { nothing }", "query Rubbish($name: String!) { __type(name: $name) { name } }"],
)
async def test_what_was_not_executed_is_not_remembered(house: House, document: str) -> None:
    brought = await post(house, named(document, query=document))
    again = await post(house, named(document))

    assert "data" not in brought[1]
    assert codes(again[1]) == ["PERSISTED_QUERY_NOT_FOUND"]


@pytest.mark.parametrize(
    ("persisted", "code"),
    [
        ({"version": 1, "sha256Hash": sha256("another")}, "PERSISTED_QUERY_HASH_MISMATCH"),
        ({"version": 1, "sha256Hash": "rubbish"}, "BAD_REQUEST"),
        ({"version": 1}, "BAD_REQUEST"),
        ({"version": 2, "sha256Hash": sha256("{ __typename }")}, "PERSISTED_QUERY_NOT_SUPPORTED"),
        ("rubbish", "PERSISTED_QUERY_NOT_SUPPORTED"),
    ],
)
@pytest.mark.parametrize("accept", [JSON, RESPONSE_JSON])
async def test_a_hash_that_is_none_is_refused(house: House, persisted: Any, code: str, accept: str) -> None:
    body = {"query": "{ __typename }", "extensions": {"persistedQuery": persisted}}

    status, answer = await post(house, body, accept)

    assert (status, codes(answer)) == (400, [code])


def test_a_document_is_known_by_its_hash_for_as_long_as_it_is_remembered() -> None:
    documents = Documents(most=2)
    texts = ["query A { __typename }", "query B { __typename }", "query C { __typename }"]
    for text in texts:
        documents.of(text, schema._schema)  # noqa: SLF001 - Strawberry offers no other way to it
        documents.name(sha256(text), text)
        documents.of(texts[0], schema._schema)  # noqa: SLF001 - as above

    assert [documents.named(sha256(text)) for text in texts] == [texts[0], None, texts[2]]


async def test_a_document_that_came_without_its_hash_is_not_known_by_it(house: House) -> None:
    document = "query Plain { __typename }"
    await post(house, {"query": document})

    assert codes((await post(house, named(document)))[1]) == ["PERSISTED_QUERY_NOT_FOUND"]


async def test_a_hash_may_be_written_in_capitals(house: House) -> None:
    document = "query Loud { __typename }"
    capitals = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(document).upper()}}}

    brought = await post(house, capitals | {"query": document})
    other = await post(house, capitals | {"query": "{ __typename }"})

    assert brought[1]["data"] == (await post(house, named(document)))[1]["data"] == {"__typename": "Query"}
    assert (await post(house, capitals))[1]["data"] == {"__typename": "Query"}
    assert codes(other[1]) == ["PERSISTED_QUERY_HASH_MISMATCH"]
