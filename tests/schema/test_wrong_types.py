"""Every argument and every input field of the schema, given values of every wrong type: none is a fault of ours."""

import asyncio
import json
import logging
from collections.abc import Iterator
from functools import cache
from itertools import count, cycle
from typing import Any

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLSchema,
    Undefined,
    coerce_input_value,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)

from schema.schema import schema
from tests.house import House
from tests.schema.mutate import data_uri

SCHEMA: GraphQLSchema = schema._schema  # noqa: SLF001 - Strawberry offers no other way to it
ROOTS = {"query": SCHEMA.query_type, "mutation": SCHEMA.mutation_type, "subscription": SCHEMA.subscription_type}
WRONG: list[Any] = [
    None, True, -1, 5, 1e300, "", "x\x00", "9" * 500, [], [None], [[]], ["x", 5], [{}], {}, {"a": 1},
]  # fmt: skip
# What the fields are given besides the one that is wrong.
GOOD: dict[str, Any] = {
    "String": "x", "ID": "00000000-0000-7000-8000-000000000000", "Int": 4, "Float": 1.5, "Boolean": True,
    "Visibility": "PRIVATE", "LookView": "PUBLIC", "VideoJobStatus": "FAILED", "Upload": None,
    "AccountStatus": "ACTIVE", "GenerationCostGroup": "DAY", "DateTime": "2026-01-02T03:04:05Z",
}  # fmt: skip
IMAGES = {"generatedImageBase64", "thumbnailBase64"}


def good(type_: GraphQLInputType, name: str = "") -> Any:
    named: Any = get_named_type(type_)
    if isinstance(named, GraphQLInputObjectType):
        value: Any = {
            field: good(found.type, field)
            for field, found in named.fields.items()
            if is_required_input_field(found) or field in IMAGES
        }
    else:
        value = data_uri() if name in IMAGES else GOOD[named.name]
    return [value] if is_list_type(get_nullable_type(type_)) else value


def spoiled(type_: GraphQLInputType, wrong: Any, where: str = "argument") -> Iterator[tuple[str, Any]]:
    """Yield each place that there is for the wrong value, and the argument with it there."""
    yield f"{where}: {type_}", wrong
    named = get_named_type(type_)
    if isinstance(named, GraphQLInputObjectType):
        for name, field in named.fields.items():
            for place, value in spoiled(field.type, wrong, "field"):
                whole = good(named) | {name: value}
                yield place, [whole] if is_list_type(get_nullable_type(type_)) else whole


def literal(value: Any) -> str:
    """Write a value down as a document has it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name or '_'}: {literal(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return json.dumps(value)


def arguments() -> Iterator[tuple[str, str, str]]:
    for operation, root in ROOTS.items():
        assert root is not None
        for field in root.fields:
            for argument in root.fields[field].args:
                yield operation, field, argument


def requests(operation: str, field: str, argument: str) -> Iterator[dict[str, Any]]:
    root = ROOTS[operation]
    assert root is not None
    definition = root.fields[field]
    others = {
        name: literal(good(found.type))
        for name, found in definition.args.items()
        if name != argument and is_required_argument(found)
    }
    type_ = definition.args[argument].type
    # In turns: each value and each place is tried in both forms, which meet in one of two places.
    is_literal = cycle([True, False])
    # What may be null may be left out: a stream would begin, and go on.
    for wrong in WRONG[1:] if operation == "subscription" else WRONG:
        for place, value in spoiled(type_, wrong):
            if coerce_input_value(value, type_) is Undefined and is_known(place, wrong):
                continue
            written, declared = (literal(value), "") if next(is_literal) else ("$value", f"($value: {type_})")
            given = ", ".join(f"{name}: {text}" for name, text in {**others, argument: written}.items())
            query = f"{operation} {declared} {{ {field}({given}) {{ __typename }} }}"
            yield {"query": query, "variables": {"value": value} if declared else {}}


@cache
def tries(_place: str, _wrong: str) -> Iterator[int]:
    return count()


def is_known(place: str, wrong: Any) -> bool:
    """Tell whether this was tried before: what a type refuses is seen by no field, so that any field will do."""
    return next(tries(place, repr(wrong))) > 0


CASES = {case: asked for case in arguments() if (asked := list(requests(*case)))}


@pytest.mark.parametrize(("operation", "field", "argument"), CASES)
async def test_a_value_of_a_wrong_type_is_refused_by_name(
    house: House, caplog: pytest.LogCaptureFixture, operation: str, field: str, argument: str
) -> None:
    headers = house.headers(await house.user(tokens=0)) | {"Accept": "application/json, text/event-stream"}
    at_once = asyncio.Semaphore(8)

    async def ask(body: dict[str, Any]) -> tuple[dict[str, Any], str]:
        async with at_once:
            answer = await house.http.post("/graphql", json=body, headers=headers)
            assert answer.status_code in {200, 400}, (body, answer.text)
            return body, answer.text

    answers = await asyncio.gather(*map(ask, CASES[operation, field, argument]))

    assert [body for body, text in answers if "INTERNAL_ERROR" in text] == []
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []
