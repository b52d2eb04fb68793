"""The view serves a schema that it knows nothing of: credentials, the errors of a table, and faults."""

from typing import Any

import httpx
import pytest
from starlette.responses import HTMLResponse

from graphql_server.execution.batch import Batching
from graphql_server.view import GraphQLView
from tests.graphql_server.shop import ShopContext, shop

URL = "http://shop/graphql"


async def asked(query: str, authorization: str | None = None, **headers: str) -> httpx.Response:
    view = GraphQLView(shop(Batching()), ShopContext.of, page=lambda _request: HTMLResponse("a page"))
    sent = headers | ({"Authorization": authorization} if authorization else {})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(view)) as client:
        if query:
            return await client.post(URL, json={"query": query}, headers=sent)
        return await client.get(URL, headers=sent)


def error(message: str, **extensions: Any) -> dict[str, Any]:
    return {"message": message, "extensions": extensions}


@pytest.mark.parametrize("authorization", [None, "customer"])
async def test_a_query_is_answered(authorization: str | None) -> None:
    answer = await asked("{ maybe(there: true) { title } }", authorization)

    assert (answer.status_code, answer.json()["data"]) == (200, {"maybe": {"title": "T1"}})


async def test_wrong_credentials_are_refused_whole() -> None:
    answer = await asked("{ maybe(there: true) { title } }", "thief")

    assert (answer.status_code, answer.json()) == (401, {"errors": [error("Who are you?", code="UNKNOWN_CUSTOMER")]})


async def test_an_expected_error_has_the_status_and_headers_of_its_table() -> None:
    answer = await asked("{ maybe(there: true) { title } }", "closed")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "9")
    assert answer.json() == {"errors": [error("Closed today", code="CLOSED_TODAY")]}


async def test_a_fault_is_answered_in_the_shape_of_graphql(caplog: pytest.LogCaptureFixture) -> None:
    answer = await asked("{ maybe(there: true) { title } }", "broken", Accept="application/graphql-response+json")

    fault = error("Internal server error", code="INTERNAL_ERROR", requestId="request-1")
    assert (answer.status_code, answer.json()) == (500, {"errors": [fault]})
    assert answer.headers["Content-Type"] == "application/graphql-response+json"
    assert "LookupError: the inside" in caplog.text


async def test_errors_of_resolvers_are_formatted_by_the_table() -> None:
    body = (await asked("{ closed }")).json()
    fault = (await asked("{ broken }")).json()

    place = {"locations": [{"line": 1, "column": 3}]}
    assert body["errors"] == [error("Closed today", code="CLOSED_TODAY") | place | {"path": ["closed"]}]
    masked = error("Internal server error", code="INTERNAL_ERROR", requestId="request-1")
    assert fault["errors"] == [masked | place | {"path": ["broken"]}]


async def test_a_browser_is_shown_the_page() -> None:
    answer = await asked("", Accept="text/html")

    assert (answer.status_code, answer.text) == (200, "a page")
