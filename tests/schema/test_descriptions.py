"""The GraphQL schema explains itself, and its names follow the field's conventions."""

import re
from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    is_non_null_type,
    is_object_type,
)

from schema.schema import schema

TYPES = [type_ for name, type_ in schema._schema.type_map.items() if not name.startswith("__")]  # noqa: SLF001 - Strawberry offers no other way to the types
OURS = [type_ for type_ in TYPES if type_.name not in {"ID", "Int", "String", "Boolean", "Float"}]

# What each mutation may be refused with; clients have written documents about these.
MEMBERS = {
    "AdminVideoJobsError": ["InvalidInput"],
    "PauseError": ["InvalidInput"],
    "SetAccountStatusError": ["InvalidInput", "UserNotFound"],
    "CreateVideoJobError": [
        "ActiveJobLimit",
        "GenerationSuspended",
        "GenerationUnavailable",
        "IdempotencyKeyReused",
        "ImagesNotStored",
        "InsufficientTokens",
        "InvalidInput",
        "InvalidLook",
        "LookVideosNotMigrated",
        "NoWorker",
        "Paused",
        "PriceChanged",
        "QueueFull",
        "SpendingCeiling",
        "StorageQuota",
        "VideoJobDeleted",
        "VideoJobImagesRemoved",
        "VideoJobNotFound",
    ],
    "VideoJobError": ["VideoJobNotCancellable", "VideoJobNotFound"],
    "LookVideoError": ["LookNotFound", "LookVideosNotMigrated", "VideoJobNotFound", "VideoNotInLook"],
    "LookError": ["ImagesNotStored", "InvalidInput", "LookNotFound", "StorageQuota", "UserNotFound"],
    "TokenAccountError": ["IdempotencyKeyReused", "InvalidInput", "ReferenceReused", "UserNotFound"],
    "ConsumeTokensError": ["IdempotencyKeyReused", "InsufficientTokens", "InvalidInput"],
}


def undescribed(type_: GraphQLNamedType) -> Iterator[str]:
    if not type_.description:
        yield type_.name
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        for name, field in type_.fields.items():
            if not field.description:
                yield f"{type_.name}.{name}"
            yield from (f"{type_.name}.{name}({a})" for a, argument in field.args.items() if not argument.description)
    if isinstance(type_, GraphQLEnumType):
        yield from (f"{type_.name}.{name}" for name, value in type_.values.items() if not value.description)
    if isinstance(type_, GraphQLInputObjectType):
        yield from (f"{type_.name}.{name}" for name, field in type_.fields.items() if not field.description)


@pytest.mark.parametrize("type_", OURS, ids=lambda type_: type_.name)
def test_every_type_field_and_argument_is_described(type_: GraphQLNamedType) -> None:
    assert list(undescribed(type_)) == []


@pytest.mark.parametrize("type_", OURS, ids=lambda type_: type_.name)
def test_names_follow_the_conventions(type_: GraphQLNamedType) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", type_.name)
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        assert [name for name in type_.fields if not re.fullmatch(r"[a-z][A-Za-z0-9]*", name)] == []
    if isinstance(type_, GraphQLEnumType):
        assert [name for name in type_.values if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name)] == []


def with_defaults() -> Iterator[tuple[str, object]]:
    """Yield each argument and input field that has a default, with its type."""
    for type_ in OURS:
        if isinstance(type_, GraphQLInputObjectType):
            yield from ((f"{type_}.{n}", f.type) for n, f in type_.fields.items() if f.default_value is not Undefined)
        if isinstance(type_, GraphQLObjectType):
            for name, field in type_.fields.items():
                arguments = field.args.items()
                yield from ((f"{type_}.{name}.{n}", a.type) for n, a in arguments if a.default_value is not Undefined)


def test_what_has_a_default_may_be_null() -> None:
    found = list(with_defaults())

    assert {"CreateVideoJobInput.durationSeconds", "Query.looks.view"} <= {name for name, _ in found}
    assert [name for name, type_ in found if is_non_null_type(type_)] == []


def test_mutations_take_one_input_and_answer_with_errors() -> None:
    mutation = schema._schema.mutation_type  # noqa: SLF001 - as above
    assert mutation is not None
    for name, field in mutation.fields.items():
        payload = schema._schema.type_map[str(field.type).rstrip("!")]  # noqa: SLF001 - as above
        assert list(field.args) == ["input"], name
        assert isinstance(payload, GraphQLObjectType)
        assert payload.name.endswith("Payload")
        assert "errors" in payload.fields


def test_every_list_of_errors_is_of_an_interface_that_its_members_implement() -> None:
    mutation = schema._schema.mutation_type  # noqa: SLF001 - as above
    assert mutation is not None
    payloads = [get_named_type(field.type) for field in mutation.fields.values()]
    found = {get_named_type(payload.fields["errors"].type) for payload in payloads if is_object_type(payload)}

    assert [type_ for type_ in OURS if isinstance(type_, GraphQLUnionType)] == []
    assert {str(type_): sorted(map(str, schema._schema.get_possible_types(type_))) for type_ in found} == MEMBERS  # noqa: SLF001 - as above
    for interface in found:
        assert isinstance(interface, GraphQLInterfaceType)
        assert list(map(str, interface.interfaces)) == ["UserError"]
        assert set(interface.fields) == {"code", "message", "field"}
