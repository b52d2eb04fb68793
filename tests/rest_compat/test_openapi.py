"""The OpenAPI document explains itself."""

from collections.abc import Iterator
from typing import Any

from app.asgi import rest_api

DOCUMENT = rest_api().openapi()
# FastAPI's own shape of a 422, and the enumerations, which have no members to describe.
NOT_OURS = {"HTTPValidationError", "ValidationError"}


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_member_of_every_body_is_described() -> None:
    undescribed = [
        f"{name}.{member}"
        for name, schema in DOCUMENT["components"]["schemas"].items()
        if name not in NOT_OURS
        for member, value in schema.get("properties", {}).items()
        if not value.get("description")
    ]

    assert undescribed == []


def test_every_operation_and_parameter_is_described() -> None:
    assert [name for name, operation in operations() if not operation.get("description")] == []
    assert [
        f"{name} {parameter['name']}"
        for name, operation in operations()
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ] == []


def test_every_operation_but_what_is_for_everybody_needs_a_bearer_token() -> None:
    public = ["GET /api/v1/subscription/costs", "GET /api/v1/subscription/tiers"]
    assert [name for name, operation in operations() if not operation.get("security")] == public
