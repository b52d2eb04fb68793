"""Bodies that are too long are refused in the shape of the API that was asked; images still fit."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.http.body_limit import MEGABYTE
from tests.house import House
from tests.servers import create_app

GRAPHQL_JSON = {"Content-Type": "application/json", "Accept": "application/graphql-response+json"}
QUERY = b'{"query": "{ __typename }"}'


def graphql_body(megabytes: int) -> dict[str, Any]:
    message = f"The request is too long: here, at most {megabytes} MB are accepted"
    return {"errors": [{"message": message, "extensions": {"code": "BODY_TOO_LARGE"}}]}


def rest_body(megabytes: int, answer: httpx.Response) -> dict[str, Any]:
    detail = f"The request is too long: here, at most {megabytes} MB are accepted"
    return {"detail": detail, "code": "BODY_TOO_LARGE", "requestId": answer.headers["X-Request-ID"]}


async def in_chunks(size: int, head: bytes = b"") -> AsyncIterator[bytes]:
    """Yield a body whose length nobody has declared."""
    yield head
    for begin in range(0, size, 65_536):
        yield b" " * min(65_536, size - begin)


async def declared(house: House, path: str, headers: dict[str, str]) -> httpx.Response:
    """Send headers alone, past the client's own checks of them."""
    transport = httpx.ASGITransport(create_app(house.settings, house.database))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.post(path, headers=headers)


async def test_a_body_of_the_largest_size_is_read(house: House) -> None:
    answer = await house.http.post("/graphql", content=QUERY.ljust(MEGABYTE), headers=GRAPHQL_JSON)

    assert (answer.status_code, answer.json()["data"]) == (200, {"__typename": "Query"})


async def test_one_byte_more_is_refused_before_it_is_read(house: House, caplog: pytest.LogCaptureFixture) -> None:
    graphql = await house.http.post("/graphql", content=QUERY.ljust(MEGABYTE + 1), headers=GRAPHQL_JSON)
    rest = await house.http.post("/api/v1/looks/", content=QUERY.ljust(MEGABYTE + 1))

    assert (graphql.status_code, graphql.json()) == (413, graphql_body(1))
    assert graphql.headers["Content-Type"] == "application/graphql-response+json"
    assert (rest.status_code, rest.json()) == (413, rest_body(1, rest))
    assert caplog.text == ""


async def test_a_body_of_undeclared_length_is_refused_while_it_is_read(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    headers = house.headers(await house.user())

    graphql = await house.http.post("/graphql", content=in_chunks(3 * MEGABYTE), headers=GRAPHQL_JSON)
    rest = await house.http.patch("/api/v1/looks/x", content=in_chunks(3 * MEGABYTE), headers=headers)
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    head = b'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n'
    upload = await house.http.post("/graphql", content=in_chunks(3 * MEGABYTE, head), headers=form)

    assert (graphql.status_code, graphql.json()) == (413, graphql_body(1))
    assert (rest.status_code, rest.json()) == (413, rest_body(2, rest))
    assert (upload.status_code, upload.json()) == (413, graphql_body(1))
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize(
    ("path", "content_type", "megabytes"),
    [
        ("/graphql", "application/json", 32),
        ("/graphql", "multipart/form-data; boundary=x", 110),
        ("/api/v1/video-jobs", "multipart/form-data; boundary=x", 110),
        ("/api/v1/video-jobs", "application/json", 2),
        ("/api/v1/looks/", "application/json", 64),
        ("/api/v1/looks/x/visibility", "application/json", 2),
    ],
)
async def test_callers_with_a_token_may_send_more(house: House, path: str, content_type: str, megabytes: int) -> None:
    headers = house.headers(await house.user()) | {"Content-Type": content_type}

    answer = await declared(house, path, headers | {"Content-Length": str(megabytes * MEGABYTE + 1)})

    assert answer.status_code == 413
    assert f"at most {megabytes} MB" in answer.text


async def test_a_look_with_a_large_image_is_read(house: House) -> None:
    body = {"generatedImageBase64": "A" * 5 * MEGABYTE, "products": []}

    answer = await house.http.post("/api/v1/looks", json=body, headers=house.headers(await house.user()))

    assert answer.status_code in {400, 422}
    assert answer.json()["code"] != "BODY_TOO_LARGE"


async def test_a_bad_token_is_refused_before_a_long_body(house: House) -> None:
    headers = GRAPHQL_JSON | {"Authorization": "Bearer rubbish"}

    answer = await house.http.post("/graphql", content=b" " * 2 * MEGABYTE, headers=headers)

    assert answer.status_code == 401


@pytest.mark.parametrize("length", ["9" * 19, "9" * 5_000])
async def test_absurd_lengths_are_refused(house: House, length: str) -> None:
    answer = await declared(house, "/graphql", GRAPHQL_JSON | {"Content-Length": length})

    assert (answer.status_code, answer.json()) == (413, graphql_body(1))
