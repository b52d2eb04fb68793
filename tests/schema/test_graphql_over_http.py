"""GraphQL over HTTP: media types, statuses and refusals.

`test_js_clients.py` runs the audits of this specification; here is what they do not look at.
"""

import json
from typing import Any

import pytest
from starlette.types import Message

from app.settings import Settings
from auth.tokens import Authenticator
from db.engine.database import Database
from tests.house import House
from tests.schema.over_http import EVENTS, JSON, RESPONSE_JSON, URQL, ask, code, content_type, events
from tests.servers import create_app

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

TYPENAME = {"query": "{ __typename }"}


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", JSON),
        ("application/*", JSON),
        (f"{JSON}, {RESPONSE_JSON}", RESPONSE_JSON),
        (f"{RESPONSE_JSON},{JSON};q=0.9", RESPONSE_JSON),
        (f"{JSON}, {RESPONSE_JSON};q=0.5", JSON),
        (f"{JSON}, */*", JSON),
        (f"{JSON};q=0, */*", RESPONSE_JSON),
        ("*/*;q=.2", JSON),
        ("APPLICATION/JSON; charset=utf-8", JSON),
        ("multipart/mixed;deferSpec=20220824,application/json", JSON),
        (URQL, RESPONSE_JSON),
        (f"{EVENTS};q=0.9, {JSON}", JSON),
        (f"{JSON};q=0.9, {EVENTS}", EVENTS),
        (EVENTS, EVENTS),
    ],
)
async def test_the_best_of_the_accepted_media_types_is_sent(house: House, accept: str, media_type: str) -> None:
    answer = await ask(house, TYPENAME, accept)

    assert (answer.status_code, content_type(answer)) == (200, media_type)


@pytest.mark.parametrize(
    "accept", ["text/html", "multipart/mixed", f"{JSON};q=0", f"{JSON};q=rubbish", f"{JSON};q=0_1"]
)
async def test_a_client_that_accepts_nothing_of_ours_is_told_what_there_is(house: House, accept: str) -> None:
    answer = await ask(house, TYPENAME, accept)

    assert (answer.status_code, content_type(answer), code(answer)) == (406, JSON, "NOT_ACCEPTABLE")
    assert "text/event-stream" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{"},
        {"query": "{ nothing }"},
        {"query": "query A { __typename }", "operationName": "B"},
        {"query": "fragment F on Query { __typename }"},
        {"query": "query ($id: ID!) { videoJob(id: $id) { id } }", "variables": {"id": None}},
    ],
)
async def test_what_fails_before_execution_has_no_data(house: House, body: dict[str, Any]) -> None:
    old, new, event = [await ask(house, body, accept) for accept in (JSON, RESPONSE_JSON, EVENTS)]

    assert (old.status_code, content_type(old)) == (200, JSON)
    assert (new.status_code, content_type(new)) == (400, RESPONSE_JSON)
    assert (event.status_code, content_type(event)) == (200, EVENTS)
    assert events(event.text) == [("next", old.json()), ("complete", None)]
    assert new.json() == old.json()
    assert "data" not in old.json()
    assert old.json()["errors"]


@pytest.mark.parametrize("accept", [JSON, RESPONSE_JSON])
async def test_a_fields_error_comes_with_data(house: House, accept: str) -> None:
    answer = await ask(house, {"query": "{ viewer { id } }"}, accept)

    assert (answer.status_code, code(answer), answer.json()["data"]) == (200, "UNAUTHENTICATED", None)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"rubbish", "JSON"),
        (b"7", "object"),
        (b"[]", "list"),
        (b'[{"query": "{ __typename }"}]', "list"),
        (b"{}", "query"),
        (b'{"query": ""}', "query"),
        (b'{"query": 7}', "query"),
        (b'{"query": "{ __typename }", "operationName": 7}', "operationName"),
        (b'{"query": "{ __typename }", "variables": []}', "variables"),
        (b'{"query": "{ __typename }", "extensions": "x"}', "extensions"),
    ],
)
@pytest.mark.parametrize("accept", [JSON, RESPONSE_JSON, EVENTS])
async def test_a_malformed_request_is_told_what_is_wrong(house: House, body: bytes, word: str, accept: str) -> None:
    headers = {"Content-Type": "application/json; charset=UTF-8", "Accept": accept}
    answer = await house.http.post("/graphql", content=body, headers=headers)

    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")
    assert content_type(answer) == (RESPONSE_JSON if accept == RESPONSE_JSON else JSON)
    assert word in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "media_type",
    ["", "text/plain", "application/graphql", "text/plain,application/json", "application/json; charset=latin-1"],
)
async def test_a_body_is_json_in_utf8(house: House, media_type: str) -> None:
    answer = await house.http.post("/graphql", content=json.dumps(TYPENAME), headers={"Content-Type": media_type})

    assert (answer.status_code, code(answer)) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "form",
    [
        {"operations": "rubbish", "map": "{}"},
        {"operations": "[]", "map": "{}"},
        {"operations": "{}", "map": "[]"},
        {"operations": "{}", "map": '{"0": ["variables.file"]}'},
        {"operations": '{"variables": []}', "map": '{"operations": ["variables.x"]}'},
        {"operations": '{"variables": []}', "map": '{"operations": ["variables.3.x"]}'},
        {"operations": "{}", "map": '{"operations": [7]}'},
        {"operations": "{}", "map": '{"operations": 7}'},
    ],
)
async def test_a_senseless_multipart_request_is_refused(house: House, form: dict[str, str]) -> None:
    files = [(name, (None, value)) for name, value in form.items()]
    answer = await house.http.post("/graphql", files=files)

    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")


async def test_a_broken_multipart_body_is_refused_in_graphqls_words(house: House) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await house.http.post("/graphql", content=b"rubbish", headers=headers)

    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_other_methods_are_told_which_there_are(house: House, method: str) -> None:
    answer = await house.http.request(method, "/graphql")

    assert (answer.status_code, code(answer)) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


async def test_options_and_head_are_answered_without_a_body(house: House) -> None:
    options = await house.http.options("/graphql")
    head = await house.http.head("/graphql", params=TYPENAME)

    assert (options.status_code, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert (head.status_code, content_type(head), head.text) == (200, JSON, "")


@pytest.mark.parametrize("accept", ["text/html", JSON, RESPONSE_JSON, EVENTS, "image/png", "*/*"])
@pytest.mark.parametrize("query", ["{ __typename }", "{ nothing }", None])
async def test_caches_are_told_what_the_answer_depends_on(house: House, accept: str, query: str | None) -> None:
    answer = await house.http.get("/graphql", params={"query": query} if query else {}, headers={"Accept": accept})

    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize("accept", [JSON, RESPONSE_JSON, EVENTS])
async def test_get_is_for_reading(house: House, accept: str) -> None:
    answer = await house.http.get("/graphql", params={"query": "mutation { __typename }"}, headers={"Accept": accept})

    assert (answer.status_code, code(answer), answer.headers["Allow"]) == (405, "METHOD_NOT_ALLOWED", "POST")


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"variables": '{"name": "Query"}'}, 200),
        ({"variables": '{"name": "Query"}', "operationName": "Q", "extensions": "{}"}, 200),
        ({"variables": '{"name": "Query"}', "operationName": "", "extensions": "null"}, 200),
        ({"variables": '{"name": "Query"}', "extensions": ""}, 200),
        ({"variables": "rubbish"}, 400),
        ({"variables": "[]"}, 400),
        ({"extensions": "7"}, 400),
    ],
)
async def test_parameters_of_a_get_request_are_json(house: House, parameters: dict[str, str], status: int) -> None:
    query = "query Q($name: String!) { __type(name: $name) { name } }"
    answer = await house.http.get("/graphql", params={"query": query} | parameters)

    assert answer.status_code == status
    assert status != 200 or answer.json()["data"] == {"__type": {"name": "Query"}}
    assert "Cache-Control" not in answer.headers


@pytest.mark.parametrize(
    "parameters",
    [
        {"query": ["{ __typename }", "{ viewer { id } }"]},
        {"query": "{ __typename }", "operationName": ["A", ""]},
        {"query": "{ __typename }", "variables": '{"a": 1, "a": 2}'},
    ],
)
async def test_what_is_there_twice_in_a_get_request_is_refused(house: House, parameters: dict[str, Any]) -> None:
    answer = await house.http.get("/graphql", params=parameters)

    assert (answer.status_code, code(answer)) == (400, "REPEATED_NAME")


@pytest.mark.parametrize(
    ("accept", "parameters", "status", "media_type"),
    [
        (BROWSER, {}, 200, "text/html"),
        (BROWSER, TYPENAME, 200, JSON),
        ("*/*", {}, 400, JSON),
        (f"{JSON}, text/html;q=0.5", {}, 400, JSON),
        ("text/html", TYPENAME, 406, JSON),
    ],
)
async def test_the_playground_is_for_browsers(
    house: House, accept: str, parameters: dict[str, str], status: int, media_type: str
) -> None:
    answer = await house.http.get("/graphql", params=parameters, headers={"Accept": accept})

    assert (answer.status_code, content_type(answer)) == (status, media_type)


@pytest.mark.parametrize("accept", [JSON, RESPONSE_JSON, EVENTS])
async def test_a_refused_token_is_a_401_in_json(house: House, accept: str) -> None:
    answer = await ask(house, TYPENAME, accept, Authorization="Bearer rubbish")

    assert (answer.status_code, code(answer)) == (401, "UNAUTHENTICATED")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert content_type(answer) == (RESPONSE_JSON if accept == RESPONSE_JSON else JSON)


@pytest.mark.parametrize(("media_type", "body"), [(JSON, b"{"), ("multipart/form-data; boundary=x", b"--x\r\n")])
async def test_a_client_that_goes_away_in_the_middle_of_a_body_is_not_logged(
    settings: Settings, database: Database, caplog: pytest.LogCaptureFixture, media_type: str, body: bytes
) -> None:
    app = create_app(settings, database)
    received: list[Message] = [
        {"type": "http.request", "body": body, "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Message] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(b"content-type", media_type.encode())],
    }

    async def receive() -> Message:
        return received.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)

    assert sent[0]["status"] == 400
    assert caplog.text == ""


async def test_a_fault_is_answered_in_the_shape_of_graphql_and_not_of_rest(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def failing(*_: object) -> None:
        raise LookupError("the inside")

    monkeypatch.setattr(Authenticator, "authenticate", failing)

    answer = await ask(house, TYPENAME, RESPONSE_JSON, Authorization="Bearer x")

    extensions = {"code": "INTERNAL_ERROR", "requestId": answer.headers["X-Request-ID"]}
    assert answer.json() == {"errors": [{"message": "Internal server error", "extensions": extensions}]}
    assert (answer.status_code, content_type(answer)) == (500, RESPONSE_JSON)
    assert "LookupError: the inside" in caplog.text
