"""What stands in a file's place without being one is refused by name, over every transport, and nothing is written."""

import json
from typing import Any

import httpx
import pytest
import websockets

from auth.caller import Caller
from db.tables import Base, FileRemoval, Look
from tests.house import FORM, House, multipart
from tests.schema.mutate import ERRORS, data_uri, png

JOB = {"model": FORM["model"], "resolution": "720p", "aspectRatio": "16:9", "prompt": "Turn", "mockMode": True}
CREATE = (
    f"mutation ($input: CreateVideoJobInput!) {{ it: createVideoJob(input: $input) {{ videoJob {{ id }} {ERRORS} }} }}"
)
QUOTE = f"query ($input: CreateVideoJobInput!) {{ it: videoJobQuote(input: $input) {{ {ERRORS} }} }}"
CREATE_LOOK = f"mutation ($input: CreateLookInput!) {{ it: createLook(input: $input) {{ look {{ id }} {ERRORS} }} }}"
NO_FILES: list[Any] = [{}, "", "x", 5, 0, 1.5, True, False, [], [[]], [{}], {"a": 1}, {"size": 1, "read": 1, "seek": 1}]
# A list of uploads takes a single one for a list of one (GraphQL, section 3.12), and may be empty.
NO_LISTS = [value for value in NO_FILES if value != []]
FILE = ("look.png", png(), "image/png")


def no_files() -> list[Any]:
    job = [(field, value) for field in ("initialImage", "endFrame") for value in NO_FILES]
    return job + [("referenceImages", value) for value in [*NO_LISTS, [5], ["", ""]]]


async def nothing_written(house: House, caller: Caller) -> tuple[object, ...]:
    tables: list[type[Base]] = [Look, FileRemoval]
    rows = [await house.count(table=table) for table in tables]
    files = sorted(path.name for path in house.settings.media_folder.iterdir())
    return (await house.traces(caller), rows, files)


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


def refused(body: dict[str, Any], field: str) -> None:
    assert "errors" not in body, body
    (error,) = body["data"]["it"]["errors"]
    assert (error["__typename"], error["code"]) == ("InvalidInput", "INVALID_INPUT")
    assert error["field"] in {field, f"{field}.0"}
    assert error["field"] in error["message"].split(" ")


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


async def sent(
    house: House, caller: Caller, paths: Any, files: dict[str, Any] | None = None, query: str = CREATE, **input_: Any
) -> httpx.Response:
    """Send a GraphQL multipart request that asks for a job."""
    operations = json.dumps({"query": query, "variables": {"input": JOB | input_}})
    parts = [*multipart({"operations": operations, "map": json.dumps(paths)}), *(files or {}).items()]
    return await house.http.post("/graphql", files=parts, headers=house.headers(caller))


@pytest.mark.parametrize(
    ("value", "field"), [({}, "initialImage"), ("", "initialImage"), ([{}], "referenceImages"), (7, "endFrame")]
)
async def test_what_the_map_does_not_cover_is_refused_by_name(house: House, value: Any, field: str) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)

    answer = await sent(house, caller, {}, **{field: value})

    refused(answer.json(), field)
    assert await nothing_written(house, caller) == before


@pytest.mark.parametrize("query", [CREATE, QUOTE], ids=["create", "quote"])
@pytest.mark.parametrize(("tokens", "code"), [(100, "INVALID_INPUT"), (20, "INSUFFICIENT_TOKENS")])
async def test_who_is_refused_anyway_has_no_image_decoded(house: House, tokens: int, code: str, query: str) -> None:
    caller = await house.user(tokens=tokens)
    broken = {"0": ("look.png", png()[:40], "image/png")}

    answer = await sent(house, caller, {"0": [FIRST]}, broken, query, initialImage=None)

    assert [error["code"] for error in answer.json()["data"]["it"]["errors"]] == [code]


OUTSIDE = "`map` puts a file outside of `variables`"
TAKEN = "`map` puts a file where `operations` has something else than null"
NOWHERE = "`map` does not tell where in `operations` the files belong"
MISSING = "A file that `map` names is missing in the form"
NO_MAP = "`map` must be a JSON object with a list of places for each file"
FIRST = "variables.input.initialImage"


@pytest.mark.parametrize(
    ("paths", "complaint"),
    [
        ({"0": [FIRST, FIRST]}, TAKEN),
        ({"0": [FIRST], "1": [FIRST]}, TAKEN),
        ({"0": ["variables.input.prompt"]}, TAKEN),
        ({"0": ["variables.input"]}, TAKEN),
        *[({"0": [path]}, OUTSIDE) for path in ("", "query", "operationName", "extensions", "input", "initialImage")],
        ({"0": ["variables.input.referenceImages.3"]}, NOWHERE),
        ({"0": ["variables.input.referenceImages.x"]}, NOWHERE),
        ({"0": ["variables.input.referenceImages"]}, TAKEN),
        ({"0": [f"{FIRST}.a"]}, NOWHERE),
        ({"0": ["variables.nothing.a"]}, NOWHERE),
        ({"0": [FIRST, f"{FIRST}.file"]}, NOWHERE),
        ({"0": ["variables." + ".".join("a" * 100_000)]}, NOWHERE),
        ({"0": [7]}, NOWHERE),
        ({"0": [[FIRST]]}, NOWHERE),
        ({"0": [None]}, NOWHERE),
        ({"0": FIRST}, NO_MAP),
        ({"0": None}, NO_MAP),
        ([FIRST], NO_MAP),
        (5, NO_MAP),
        ({"2": [FIRST]}, MISSING),
        ({"operations": [FIRST]}, MISSING),
        ({"0": [FIRST] * 111}, "`map` has too many places: at most 110 are accepted"),
    ],
)
async def test_a_map_that_leads_nowhere_is_refused(house: House, paths: Any, complaint: str) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)

    answer = await sent(house, caller, paths, {"0": FILE, "1": FILE}, initialImage=None, referenceImages=[None])

    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["message"], error["extensions"]["code"]) == (complaint, "BAD_REQUEST")
    assert await nothing_written(house, caller) == before


@pytest.mark.parametrize(
    ("paths", "more", "complaint"),
    [
        ({}, {"0": FILE}, "The part '0' of the form is not in `map`"),
        ({"0": [FIRST]}, {"0": FILE, "1": FILE}, "The part '1' of the form is not in `map`"),
        ({"0": [FIRST]}, {"0": FILE, "note": (None, "x")}, "The part 'note' of the form is not in `map`"),
        ({"0": [FIRST]}, {"0": FILE, "x" * 300: (None, "x")}, f"The part '{'x' * 100}' of the form is not in `map`"),
        ({"0": [FIRST], "1": []}, {"0": FILE, "1": FILE}, "`map` has no place for the file '1'"),
        (
            {"0": [FIRST, "variables.input.endFrame"]},
            {"0": FILE},
            "`map` has 2 places for the file '0': send it once for each",
        ),
    ],
)
async def test_a_part_without_exactly_one_place_is_refused(
    house: House, paths: Any, more: dict[str, Any], complaint: str
) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)

    answer = await sent(house, caller, paths, more, initialImage=None, endFrame=None)

    assert answer.status_code == 400
    assert [error["message"] for error in answer.json()["errors"]] == [complaint]
    assert await nothing_written(house, caller) == before


@pytest.mark.parametrize("twice", ["operations", "map", "0"])
async def test_a_part_that_is_there_twice_is_refused(house: House, twice: str) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    operations = json.dumps({"query": CREATE, "variables": {"input": JOB | {"initialImage": None}}})
    parts: dict[str, Any] = {
        "operations": (None, operations),
        "map": (None, json.dumps({"0": [FIRST]})),
        "0": FILE,
    }

    sent_parts = [*parts.items(), (twice, parts[twice])]
    answer = await house.http.post("/graphql", files=sent_parts, headers=house.headers(caller))

    assert answer.status_code == 400
    assert [error["message"] for error in answer.json()["errors"]] == [f"The part '{twice}' is 2 times in the form"]
    assert await nothing_written(house, caller) == before


INCOMPLETE = "The form has not come as a whole: its closing boundary is missing"


@pytest.mark.parametrize(("cut", "sentence"), [(1, INCOMPLETE), (40, INCOMPLETE), (0, None)])
async def test_a_form_that_is_cut_off_makes_no_job(house: House, cut: int, sentence: str | None) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    operations = json.dumps({"query": CREATE, "variables": {"input": JOB}})
    form = f'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{operations}\r\n--x--'.encode()
    headers = house.headers(caller) | {"Content-Type": "multipart/form-data; boundary=x"}

    answer = await house.http.post("/graphql", content=form[: len(form) - cut], headers=headers)

    if sentence is None:
        assert answer.json()["data"]["it"]["errors"] == []
    else:
        assert (answer.status_code, answer.json()["errors"][0]["message"]) == (400, sentence)
        assert await nothing_written(house, caller) == before


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


@pytest.mark.parametrize("count", [4, 100])
async def test_more_reference_images_than_a_video_is_made_from_are_not_read(house: House, count: int) -> None:
    caller = await house.user()
    before = await nothing_written(house, caller)
    paths = {str(number): [f"variables.input.referenceImages.{number}"] for number in range(count)}

    answer = await sent(
        house, caller, paths, dict.fromkeys(paths, ("a.png", b"rubbish", "image/png")), referenceImages=[None] * count
    )

    (error,) = answer.json()["data"]["it"]["errors"]
    assert (error["code"], error["field"]) == ("INVALID_INPUT", "referenceImages")
    assert error["message"] == "At most 3 reference images are taken"
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
