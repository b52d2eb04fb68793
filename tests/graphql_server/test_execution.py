"""Batch execution answers as the default executor does, for any schema and with all ways in which fields are read."""

import json
from typing import Any

import pytest

from graphql_server.execution.batch import Batching
from graphql_server.http_answers import as_json
from tests.graphql_server.shop import ShopContext, row_types, shop


async def answered(batching: Batching | None, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    result = await shop(batching).execute(query, variables, ShopContext())
    errors = [error.formatted for error in result.errors or ()]
    body: dict[str, Any] = json.loads(as_json({"data": result.data, "errors": errors}))
    return body


@pytest.mark.parametrize("batching", [Batching(), Batching(row_types)], ids=["objects", "rows"])
@pytest.mark.parametrize(
    "query",
    [
        "{ books { id title pages price printedAt shelf cents authors { name born } } }",
        "{ books(first: 0) { id authors { name } } maybe(there: false) { id } }",
        '{ maybe(there: true) { id title pages printedAt authors { greeting(word: "Hi") rank } } }',
        '{ books { authors { rank greeting a: greeting(word: "A") } } }',
        "{ mixed { id title pages price printedAt shelf } }",
        "query ($yes: Boolean!) { books { id title @skip(if: $yes) authors @include(if: $yes) { name } } }",
    ],
)
async def test_all_ways_to_read_a_field(batching: Batching, query: str) -> None:
    variables = {"yes": True} if "$yes" in query else {}

    plain = await answered(None, query, variables)

    assert plain["errors"] == []
    assert await answered(batching, query, variables) == plain
    assert dict(batching.fallbacks) == {}
    batching.fallbacks.clear()


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("{ first { ... on Lamp { watts } } }", "unsupported"),
        ("{ books { id } closed }", "result"),
        ("{ broken books { id } }", "result"),
        ("query ($there: Boolean!) { maybe(there: $there) { id } }", "variables"),
    ],
)
async def test_what_it_cannot_do_is_left_to_the_default_executor(query: str, reason: str) -> None:
    batching = Batching(row_types)

    body = await answered(batching, query, {})

    assert body == await answered(None, query, {})
    assert dict(batching.fallbacks) == {reason: 1}
