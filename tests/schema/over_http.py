"""What the tests of GraphQL over HTTP share: media types, and how answers are read."""

import json
from typing import Any

import httpx

from tests.house import House

JSON = "application/json"
RESPONSE_JSON = "application/graphql-response+json"
EVENTS = "text/event-stream"
# What urql accepts, whatever it asks for.
URQL = f"{RESPONSE_JSON}, application/graphql+json, {JSON}, {EVENTS}, multipart/mixed"


async def ask(house: House, body: Any = None, accept: str | None = None, **headers: str) -> httpx.Response:
    sent = headers | ({"Accept": accept} if accept else {})
    return await house.http.post("/graphql", json=body, headers=sent)


def content_type(answer: httpx.Response) -> str:
    return answer.headers["Content-Type"].split(";")[0]


def code(answer: httpx.Response) -> str:
    (error,) = answer.json()["errors"]
    assert error["message"]
    return str(error["extensions"]["code"])


def events(text: str) -> list[tuple[str, Any]]:
    """Read a whole stream, leaving out its comments."""
    told = "".join(line for line in text.splitlines(keepends=True) if not line.startswith(":"))
    blocks = [block.split("\n") for block in told.split("\n\n") if block]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: ") or "null")) for name, data in blocks]
