"""What stands in a file's place without being one is refused by name, over every transport, and nothing is written."""

import json
from typing import Any

import pytest
import websockets

from auth.caller import Caller
from tests.house import FORM, House, multipart
from tests.schema.mutate import ERRORS, data_uri
from tests.schema.uploads import CREATE, CREATE_LOOK, JOB, QUOTE, nothing_written, refused

NO_FILES: list[Any] = [{}, "", "x", 5, 0, 1.5, True, False, [], [[]], [{}], {"a": 1}, {"size": 1, "read": 1, "seek": 1}]
# A list of uploads takes a single one for a list of one (GraphQL, section 3.12), and may be empty.
NO_LISTS = [value for value in NO_FILES if value != []]


def no_files() -> list[Any]:
    job = [(field, value) for field in ("initialImage", "endFrame") for value in NO_FILES]
    return job + [("referenceImages", value) for value in [*NO_LISTS, [5], ["", ""]]]


async def by_http(house: House, caller: Caller, query: str, **input_: Any) -> dict[str, Any]:
    return await house.graphql(caller, query, input=input_)


async def by_websocket(house: House, caller: Caller, query: str, **input_: Any) -> dict[str, Any]:
    url = f"{house.base_url.replace('http', 'ws', 1)}/graphql"
    async with websockets.connect(url, subprotocols=[websockets.Subprotocol("graphql-transport-ws")]) as connection:
        await connection.send(json.dumps({"type": "connection_init", "payload": house.headers(caller)}))
        await connection.recv()
        payload = {"query": query, "variables": {"input": input_}}
        await connection.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        message: dict[str, Any] = json.loads(await connection.recv())
        assert message["type"] == "next", message
        body: dict[str, Any] = message["payload"]
        return body


@pytest.mark.parametrize("query", [CREATE, QUOTE], ids=["create", "quote"])
@pytest.mark.parametrize("ask", [by_http, by_websocket])
async def test_what_is_no_file_is_refused_by_name(house: House, ask: Any, query: str) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)

    for field, value in no_files():
        refused(await ask(house, caller, query, **JOB, **{field: value}), field)

    assert await nothing_written(house, caller) == before


@pytest.mark.parametrize("ask", [by_http, by_websocket])
async def test_a_look_is_not_made_of_what_is_no_file(house: House, ask: Any) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    product = {"name": "Coat", "thumbnailBase64": data_uri()}

    for value in NO_FILES:
        body = await ask(house, caller, CREATE_LOOK, generatedImage=value, products=[product])
        refused(body, "generatedImage")
        products = [{"name": "Coat", "thumbnail": value}]
        body = await ask(house, caller, CREATE_LOOK, generatedImageBase64=data_uri(), products=products)
        refused(body, "products.0.thumbnail")

    assert await nothing_written(house, caller) == before


async def test_a_literal_is_no_file_either(house: House) -> None:
    caller = await house.user()
    given = 'model: "x", resolution: "720p", aspectRatio: "16:9", mockMode: true, initialImage: {a: [1]}'

    body = await house.graphql(caller, f"mutation {{ it: createVideoJob(input: {{{given}}}) {{ {ERRORS} }} }}")

    refused(body, "initialImage")


REPEATED = [
    ('{"query": %(create)s, "variables": {"input": {"prompt": "a", "prompt": "b", %(job)s}}}', "prompt"),
    ('{"query": %(create)s, "variables": {"input": {"mockMode": false, %(job)s}}}', "mockMode"),
    ('{"query": "{ __typename }", "query": %(create)s, "variables": {"input": {%(job)s}}}', "query"),
    ('{"query": %(create)s, "variables": {}, "variables": {"input": {%(job)s}}}', "variables"),
    ('{"query": %(create)s, "variables": {"input": {"pro\\u006dpt": "a", %(job)s}}}', "prompt"),
]


@pytest.mark.parametrize("transport", ["json", "form", "websocket"])
@pytest.mark.parametrize(("template", "name"), REPEATED)
async def test_a_name_that_is_there_twice_is_refused(house: House, template: str, name: str, transport: str) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    body = template % {"create": json.dumps(CREATE), "job": json.dumps(JOB)[1:-1]}
    headers = house.headers(caller)

    if transport == "websocket":
        url = f"{house.base_url.replace('http', 'ws', 1)}/graphql"
        async with websockets.connect(url, subprotocols=[websockets.Subprotocol("graphql-transport-ws")]) as connection:
            await connection.send(json.dumps({"type": "connection_init", "payload": headers}))
            await connection.recv()
            await connection.send(f'{{"type": "subscribe", "id": "1", "payload": {body}}}')
            with pytest.raises(websockets.ConnectionClosed):
                await connection.recv()
    else:
        form = multipart({"operations": body, "map": "{}"})
        answer = await (
            house.http.post("/graphql", content=body, headers=headers | {"Content-Type": "application/json"})
            if transport == "json"
            else house.http.post("/graphql", files=form, headers=headers)
        )
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"] == f"The request holds '{name}' more than once in one object"
    assert await nothing_written(house, caller) == before


async def test_a_mutation_declares_what_comes_with_it(house: House) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    query = CREATE.replace("$input: CreateVideoJobInput!", "$input: CreateVideoJobInput!, $more: Int").replace(
        "{ videoJob", "{ __typename videoJob"
    )

    plain = await house.graphql(caller, CREATE, input=JOB, lookId="x")
    unused = await house.graphql(caller, query, input=JOB)

    assert [error["message"] for error in plain["errors"]] == ["The mutation does not declare the variable '$lookId'"]
    assert plain["errors"][0]["extensions"]["code"] == "INVALID_VARIABLES"
    assert unused["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert await nothing_written(house, caller) == before


@pytest.mark.parametrize("field", ["initialImage", "endFrame", "referenceImages"])
async def test_over_rest_a_text_is_no_file(house: House, field: str) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)

    answer = await house.http.post(
        "/api/v1/video-jobs", files=[*multipart(FORM), (field, (None, "text"))], headers=house.headers(caller)
    )

    assert answer.status_code == 422
    assert [mistake["loc"][:2] for mistake in answer.json()["detail"]] == [["body", field]]
    assert await nothing_written(house, caller) == before
