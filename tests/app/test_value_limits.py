"""Values of JSON are counted on its bytes, wherever it comes from, before anything makes objects of them."""

import asyncio
import json
from base64 import b64encode
from io import BytesIO
from os import urandom
from typing import Any

import httpx
import PIL.Image
import pytest
import websockets

from auth.caller import Caller
from tests.app.test_list_limits import CREATE, look, product
from tests.house import House

JSON = {"Content-Type": "application/json"}
BOUNDARY = {"Content-Type": "multipart/form-data; boundary=x"}
TOO_MANY = "The request holds too many values: at most 50,000 are accepted"


def empty_objects(count: int) -> bytes:
    return b"[" + b",".join([b"{}"] * count) + b"]"


EMPTY = empty_objects(30_000)
DEEP = b"[" * 60_000
NAMES = b"{" + b",".join(b'"%d":1' % number for number in range(30_000)) + b"}"
TEXTS = b'["' + b'","'.join([b"a"] * 60_000) + b'"]'
NUMBERS = b"[" + b",".join([b"1"] * 60_000) + b"]"
HORDES = {"objects": EMPTY, "levels": DEEP, "names": NAMES, "texts": TEXTS, "numbers": NUMBERS}
REST_BODIES = {
    "products": ("POST", "/api/v1/looks", b'{"products": %s}'),
    "a bare list": ("POST", "/api/v1/looks", b"%s"),
    "an unknown name": ("PATCH", "/api/v1/looks/x", b'{"title": "T", "x": %s}'),
    "user ids": ("PATCH", "/api/v1/looks/x/visibility", b'{"sharedWithUserIds": %s}'),
    "behind a text": ("POST", "/api/v1/looks", b'{"title": "\\\\\\"[,", "products": %s}'),
}


@pytest.mark.parametrize("horde", HORDES)
@pytest.mark.parametrize("name", REST_BODIES)
async def test_over_rest_values_are_counted_before_they_are_made(house: House, name: str, horde: str) -> None:
    caller = await house.user()
    method, path, body = REST_BODIES[name]
    content = body % HORDES[horde]

    answer = await house.http.request(method, path, content=content, headers=house.headers(caller) | JSON)

    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (400, "TOO_MANY_VALUES", TOO_MANY)
    assert answer.json()["requestId"] == answer.headers["X-Request-ID"]


GRAPHQL_BODIES = {
    "variables": b'{"query": "{ __typename }", "variables": {"input": %s}}',
    "extensions": b'{"query": "{ __typename }", "extensions": {"x": %s}}',
    "a persisted query": b'{"extensions": {"persistedQuery": %s}}',
    "an unknown name": b'{"query": "{ __typename }", "x": %s}',
    "a batch": b"%s",
}


def part(name: str, content: bytes) -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), content)


async def in_body(house: House, caller: Caller, body: bytes) -> httpx.Response:
    return await house.http.post("/graphql", content=body, headers=house.headers(caller) | JSON)


async def in_form(house: House, caller: Caller, body: bytes) -> httpx.Response:
    content = part("operations", body) + part("map", b"{}") + b"--x--\r\n"
    return await house.http.post("/graphql", content=content, headers=house.headers(caller) | BOUNDARY)


async def in_map(house: House, caller: Caller, body: bytes) -> httpx.Response:
    content = part("operations", b'{"query": "{ __typename }"}') + part("map", body) + b"--x--\r\n"
    return await house.http.post("/graphql", content=content, headers=house.headers(caller) | BOUNDARY)


@pytest.mark.parametrize("horde", HORDES)
@pytest.mark.parametrize(
    ("ask", "name"), [*((in_body, name) for name in GRAPHQL_BODIES), (in_form, "variables"), (in_map, "a batch")]
)
async def test_over_graphql_values_are_counted_before_they_are_made(
    house: House, ask: Any, name: str, horde: str
) -> None:
    answer = await ask(house, await house.user(), GRAPHQL_BODIES[name] % HORDES[horde])

    assert answer.status_code == 400
    assert answer.json() == {"errors": [{"message": TOO_MANY, "extensions": {"code": "TOO_MANY_VALUES"}}]}


@pytest.mark.parametrize("horde", HORDES)
async def test_over_a_websocket_values_are_counted_before_they_are_made(house: House, horde: str) -> None:
    url = f"{house.base_url.replace('http', 'ws', 1)}/graphql"
    message = b'{"type": "ping", "payload": {"x": %s}}' % HORDES[horde]
    init = {"type": "connection_init", "payload": house.headers(await house.user())}

    async with websockets.connect(url, subprotocols=[websockets.Subprotocol("graphql-transport-ws")]) as connection:
        await connection.send(json.dumps(init))
        await connection.recv()
        await connection.send(message.decode())
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await connection.recv()

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4400, TOO_MANY)


async def test_a_body_that_holds_too_much_is_answered_while_it_comes(house: House) -> None:
    headers = house.headers(await house.user()) | JSON | {"Host": "localhost", "Content-Length": "30000000"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    address = httpx.URL(house.base_url)

    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(f"POST /api/v1/looks HTTP/1.1\r\n{head}\r\n".encode() + b'{"products": ' + EMPTY[:-1])
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 30)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_commas_and_brackets_in_a_text_are_text(house: House) -> None:
    caller = await house.user(tokens=1_000)
    text = ',[{"\\:' * 600

    over_rest = await house.http.post(
        "/api/v1/looks", json=look(notes=text, title="," * 500), headers=house.headers(caller)
    )
    many = look(
        products=[product() | {"productUrl": "http://a" + "," * 1_992, "designer": "{" * 500} for _ in range(100)]
    )
    over_graphql = await house.graphql(caller, CREATE, input=many | {"notes": "," * 10_000})
    job = await house.create(caller, prompt=text)

    assert (over_rest.status_code, over_rest.json()["notes"]) == (201, text)
    assert over_graphql["data"]["it"]["errors"] == []
    assert (await house.job(job)).prompt == text


@pytest.mark.parametrize("wire", ["rest", "graphql"])
async def test_a_large_image_is_accepted_however_its_base64_is_escaped(house: House, wire: str) -> None:
    caller = await house.user()
    picture = BytesIO()
    PIL.Image.frombytes("RGB", (1_000, 1_000), urandom(3_000_000)).save(picture, "PNG", compress_level=0)
    body: dict[str, Any] = look(generatedImageBase64=b64encode(picture.getvalue()).decode())
    if wire == "graphql":
        body = {"query": CREATE, "variables": {"input": body}}
    # As PHP writes it.
    content = json.dumps(body).replace("/", "\\/")
    path = "/graphql" if wire == "graphql" else "/api/v1/looks"

    answer = await house.http.post(path, content=content, headers=house.headers(caller) | JSON)

    made = answer.json() if wire == "rest" else answer.json()["data"]["it"]["look"]
    stored = house.settings.media_folder / f"{made['id']}-0.png"
    assert stored.read_bytes() == picture.getvalue()


@pytest.mark.parametrize("path", ["/graphql", "/api/v1/looks"])
@pytest.mark.parametrize(
    "content",
    [
        b'{"query": "%s"}' % (b"\\u00e9" * 500_000),
        b'{"query": "%s"}' % (b"\\n" * 1_500_000),
        b'{"query": "%s"}' % ("é" * 1_500_000).encode(),
        b'{"query": %s""}' % (b" " * 3_000_000),
    ],
    ids=["escapes", "lines", "accents", "white space"],
)
async def test_large_content_is_base64(house: House, path: str, content: bytes) -> None:
    answer = await house.http.post(path, content=content, headers=house.headers(await house.user()) | JSON)

    said = answer.json()
    code = said["code"] if path != "/graphql" else said["errors"][0]["extensions"]["code"]
    assert (answer.status_code, code) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize("path", ["/graphql", "/api/v1/looks"])
@pytest.mark.parametrize("number", ["9" * 5_000, f"-{'9' * 500_000}.5", ",".join(["9" * 4_000] * 99)])
async def test_a_number_has_few_digits(house: House, path: str, number: str) -> None:
    headers = house.headers(await house.user()) | JSON

    answer = await house.http.post(path, content=f'{{"a": [{number}]}}', headers=headers)

    assert answer.status_code == 400
    assert "A number in the request has too many digits" in answer.text
