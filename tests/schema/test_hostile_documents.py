"""Documents made to exhaust the server: each is refused, shortly and soon, and others are served meanwhile."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from app.settings import Settings
from db.engine.database import Database
from tests.house import House
from tests.servers import create_app

# Refusing takes a tenth of this; the rest is for a busy machine.
CPU_SECONDS = 0.25
LONGEST_ANSWER = 10_000
SET_VISIBILITY = (
    "mutation ($input: SetLookVisibilityInput!) { setLookVisibility(input: $input) { errors { __typename } } }"
)


def each(count: int, text: str) -> str:
    """Return a text many times over; `#` stands for the number, `+` for the next one."""
    return " ".join(text.replace("#", str(number)).replace("+", str(number + 1)) for number in range(count))


def chain(length: int, link: str) -> str:
    """Return a query whose fragments lead from one to the next."""
    links = each(length, f"fragment F# on Look {{ {link} }}")
    return f"{{ looks {{ nodes {{ ...F0 }} }} }} {links} fragment F{length} on Look {{ id }}"


def in_fields(selections: str) -> str:
    return f"{{ looks {{ nodes {{ {selections} }} }} }}"


def nested_object(levels: int) -> dict[str, Any]:
    outermost: dict[str, Any] = {}
    innermost = outermost
    for _ in range(levels):
        innermost["a"] = innermost = {}
    return outermost


HOSTILE: dict[str, tuple[str, str]] = {
    "aliases of a root field": (f"{{ {each(300, 'a#: viewer { id }')} }}", "TOO_MANY_ALIASES"),
    "aliases of a leaf": (in_fields(each(480, "a#: id")), "TOO_MANY_ALIASES"),
    "18 fragments, each spread twice": (chain(18, "...F+ ...F+"), "TOO_EXPENSIVE"),
    "40 fragments, each spread twice": (chain(40, "...F+ ...F+"), "TOO_EXPENSIVE"),
    "60 fragments with an alias each": (chain(60, "a: videos { id } ...F+ ...F+"), "TOO_REPETITIVE"),
    "30 fragments, each spread thrice": (chain(30, "a: id ...F+ ...F+ ...F+"), "TOO_EXPENSIVE"),
    "100 fragments, each spread twice": (chain(100, "...F+ ...F+"), "TOO_REPETITIVE"),
    "200 fragments": (chain(200, "...F+"), "TOO_REPETITIVE"),
    "every fragment in every other": (
        in_fields("...F0") + each(36, f"fragment F# on Look {{ {each(36, '...F#')} }}").replace("  ", " "),
        "TOO_MANY_TOKENS",
    ),
    "a circle of fragments": (chain(80, "...F+").replace("{ id }", "{ ...F0 }"), "GRAPHQL_VALIDATION_FAILED"),
    "a fragment in itself": ("{ ...A } fragment A on Query { ...A }", "GRAPHQL_VALIDATION_FAILED"),
    "100 levels": ("{ a" * 100 + "}" * 100, "TOO_DEEP"),
    "5,000 levels": ("{ a" * 5_000 + "}" * 5_000, "GRAPHQL_PARSE_FAILED"),
    "a list in a list in a list": (f"{{ looks(first: {'[' * 900}{']' * 900}) }}", "GRAPHQL_PARSE_FAILED"),
    "directives that exist": (in_fields("id" + " @skip(if: false)" * 250), "TOO_MANY_DIRECTIVES"),
    "directives that do not": (in_fields("id" + " @a" * 900), "TOO_MANY_DIRECTIVES"),
    "the same leaf": (in_fields("id " * 1_900), "TOO_REPETITIVE"),
    "the same list": (in_fields("videos { id } " * 480), "TOO_REPETITIVE"),
    "the same inline fragment": (in_fields("... on Look { id } " * 320), "TOO_REPETITIVE"),
    "the same connection": (
        f"{{ viewer {{ tokens {{ {'transactions(first: 1) { __typename } ' * 200} }} }} }}",
        "TOO_REPETITIVE",
    ),
    "380 operations": (each(380, "query a# { __typename }"), "TOO_REPETITIVE"),
    "3,000 operations": (each(3_000, "query a# { __typename }"), "TOO_MANY_TOKENS"),
    "unknown fields": (in_fields(each(1_900, "f#")), "GRAPHQL_VALIDATION_FAILED"),
    "unused variables": (f"query ({each(480, '$v#: Int')}) {{ __typename }}", "GRAPHQL_VALIDATION_FAILED"),
    "5 MB of comments": ("#\n" * 2_500_000 + "{ viewer { id } }", "DOCUMENT_TOO_LONG"),
    "9,000 comments": ("#\n" * 9_000 + "{ viewer { id } }", "TOO_MANY_TOKENS"),
    "a long list": (f"{{ looks(first: [{'1 ' * 1_900}]) {{ __typename }} }}", "GRAPHQL_VALIDATION_FAILED"),
    "a long number": (f"{{ looks(first: {'9' * 90_000}) {{ __typename }} }}", "GRAPHQL_VALIDATION_FAILED"),
    "a long name": (f"{{ {'x' * 90_000} }}", "GRAPHQL_VALIDATION_FAILED"),
    "a long text": (f'{{ looks(first: "{"x" * 90_000}") {{ __typename }} }}', "GRAPHQL_VALIDATION_FAILED"),
    "9,000 lines": ("\n" * 9_000 + in_fields(each(900, "f#")), "GRAPHQL_VALIDATION_FAILED"),
    "90,000 lines": ("\r" * 45_000 + "\n" * 45_000 + in_fields(each(900, "f#")), "DOCUMENT_TOO_LONG"),
    "a deep object": (
        f"{{ videoJobQuote(input: {'{a: ' * 150}1{'}' * 150}) {{ cost }} }}",
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "letters that look alike": ("{ v\u0456ewer { id } }", "GRAPHQL_PARSE_FAILED"),
    "text from right to left": ("{ viewer { id \u202e } }", "GRAPHQL_PARSE_FAILED"),
    "half a character": ('{ looks(search: "\\ud800") { __typename } }', "GRAPHQL_PARSE_FAILED"),
    "a null character": ("{ viewer { id \x00 } }", "GRAPHQL_PARSE_FAILED"),
    "mutations": (
        f"mutation {{ {each(50, 'a#: deleteLook(input: {id: 1}) { deletedLookId }')} }}",
        "TOO_MANY_ROOT_FIELDS",
    ),
    "introspection over and over": (
        f"{{ {each(20, 'a#: __schema { types { fields { args { name } type { fields { name } } } } }')} }}",
        "TOO_EXPENSIVE",
    ),
    "introspection in circles": (
        "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }",
        "GRAPHQL_VALIDATION_FAILED",
    ),
}
VARIABLES: dict[str, tuple[dict[str, Any], str]] = {
    "a deep object": ({"input": nested_object(200)}, "INVALID_VARIABLES"),
    "a long list": (
        {"input": {"id": "x", "visibility": "PRIVATE", "sharedWithUserIds": ["x"] * 200_000}},
        "TOO_MANY_VALUES",
    ),
    "4,900 wrong values": ({"input": {"sharedWithUserIds": [[]] * 4_900}}, "INVALID_VARIABLES"),
    "variables that nobody asked for": ({f"v{number}": number for number in range(50_000)}, "TOO_MANY_VALUES"),
    "a long text": ({"input": {"id": "x", "visibility": "P" * 900_000}}, "INVALID_VARIABLES"),
}


@pytest.fixture(scope="session")
async def client(settings: Settings, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application in this process, without a network between them."""
    # Pytest's own objects are many, and going through them is not what is to be measured.
    gc.collect()
    gc.freeze()
    transport = httpx.ASGITransport(create_app(settings, database))
    headers = {"Accept": "application/graphql-response+json", "Content-Type": "application/json"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        await client.post("/graphql", json={"query": "{ __typename }"})
        yield client
    gc.unfreeze()


def codes(answer: httpx.Response) -> set[str]:
    assert len(answer.content) < LONGEST_ANSWER
    assert "data" not in answer.json()
    return {error["extensions"]["code"] for error in answer.json()["errors"]}


async def measured(client: httpx.AsyncClient, body: bytes, record: Any) -> httpx.Response:
    """Post a body; note the CPU time that it takes."""
    begun = time.process_time()
    answer = await client.post("/graphql", content=body)
    seconds = time.process_time() - begun
    record("cpu_ms", round(seconds * 1000, 1))
    assert seconds < CPU_SECONDS
    return answer


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_document_is_refused(client: httpx.AsyncClient, name: str, record_property: Any) -> None:
    query, code = HOSTILE[name]
    without_token_too_long = len(query) > 1_000_000

    answer = await measured(client, orjson.dumps({"query": query}), record_property)

    assert answer.status_code == (413 if without_token_too_long else 400)
    assert codes(answer) == {"BODY_TOO_LARGE" if without_token_too_long else code}


@pytest.mark.parametrize("name", VARIABLES)
async def test_hostile_variables_are_refused(client: httpx.AsyncClient, name: str, record_property: Any) -> None:
    variables, code = VARIABLES[name]

    body = orjson.dumps({"query": SET_VISIBILITY, "variables": variables})
    answer = await measured(client, body, record_property)

    assert (answer.status_code, codes(answer)) == (400, {code})


async def test_json_that_is_nested_without_end_is_refused(client: httpx.AsyncClient, record_property: Any) -> None:
    body = b'{"query": "{ __typename }", "variables": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001

    answer = await measured(client, body, record_property)

    assert answer.status_code == 400
    assert len(answer.content) < LONGEST_ANSWER


async def test_callers_with_a_token_may_send_more_but_no_longer_documents(
    house: House, client: httpx.AsyncClient, record_property: Any
) -> None:
    client.headers.update(house.headers(await house.user()))
    try:
        answer = await measured(client, orjson.dumps({"query": "#\n" * 600_000}), record_property)
    finally:
        del client.headers["Authorization"]

    assert (answer.status_code, codes(answer)) == (400, {"DOCUMENT_TOO_LONG"})


async def test_others_are_served_in_between(client: httpx.AsyncClient) -> None:
    bodies = [orjson.dumps({"query": query}) for query, _ in HOSTILE.values()]

    async def health() -> int:
        # Without the database, which may be slow for reasons of its own: so this has to let the others go on itself.
        await asyncio.sleep(0)
        return (await client.get("/livez")).status_code

    attack = asyncio.gather(*(client.post("/graphql", content=body) for body in bodies))
    healthy, longest = [], 0.0
    while not attack.done():
        begun = time.monotonic()
        healthy.append(await health())
        longest = max(longest, time.monotonic() - begun)

    assert {answer.status_code for answer in await attack} == {400, 413}
    assert set(healthy) == {200}
    assert longest < len(bodies) * CPU_SECONDS
