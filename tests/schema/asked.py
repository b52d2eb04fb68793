"""Random queries that the schema allows, for hypothesis."""

from itertools import count

from graphql import GraphQLNamedType, GraphQLObjectType, GraphQLSchema, get_named_type
from hypothesis import strategies as st

from tests.schema.twins import ERRORS, ROOTS

DEEPEST = 4
DIRECTIVES = ["", "", "", "", " @include(if: $yes)", " @skip(if: $no)"]


@st.composite
def queries(draw: st.DrawFn, schema: GraphQLSchema) -> str:
    """Draw a query: any fields, under any names, in any fragments, under any conditions."""
    assert schema.query_type
    numbers, fragments = count(), list[str]()
    roots = draw(st.lists(st.sampled_from(sorted(ROOTS)), min_size=1, max_size=2))
    parts = ["__typename @include(if: $yes) other: __typename @skip(if: $no)"]
    for name in roots:
        inner = get_named_type(schema.query_type.fields[name].type)
        parts.append(f"r{next(numbers)}: {ROOTS[name]} {_fields(draw, inner, DEEPEST, numbers, fragments)}")
    return f"query ($yes: Boolean!, $no: Boolean!) {{ {' '.join(parts)} }} {' '.join(fragments)}"


def _fields(draw: st.DrawFn, type_: GraphQLNamedType, depth: int, numbers: "count[int]", fragments: list[str]) -> str:
    """Draw a selection set."""
    if not isinstance(type_, GraphQLObjectType):
        return f"{{ {ERRORS} }}"
    names = [
        name
        for name, field in type_.fields.items()
        if depth or not isinstance(get_named_type(field.type), GraphQLObjectType)
    ]
    parts = []
    for name in draw(st.lists(st.sampled_from(["__typename", *names]), min_size=1, max_size=6)):
        part = _field(draw, type_, name, depth, numbers, fragments)
        parts.append(_wrapped(draw, part, type_, numbers, fragments))
    return "{ " + " ".join(parts) + " }"


def _field(
    draw: st.DrawFn, type_: GraphQLObjectType, name: str, depth: int, numbers: "count[int]", fragments: list[str]
) -> str:
    part = f"f{next(numbers)}: {name}" if draw(st.booleans()) else name
    part += draw(st.sampled_from(DIRECTIVES))
    inner = get_named_type(type_.fields[name].type) if name in type_.fields else None
    if inner is not None and (hasattr(inner, "fields") or hasattr(inner, "types")):
        part += " " + _fields(draw, inner, depth - 1, numbers, fragments)
    return part


def _wrapped(draw: st.DrawFn, part: str, type_: GraphQLObjectType, numbers: "count[int]", fragments: list[str]) -> str:
    """Put a field into a fragment, or leave it."""
    condition = draw(st.sampled_from(DIRECTIVES))
    match draw(st.sampled_from(["", "", "", "inline", "typed", "named"])):
        case "inline":
            return f"...{condition} {{ {part} }}"
        case "typed":
            return f"... on {type_.name}{condition} {{ {part} }}"
        case "named":
            name = f"F{next(numbers)}"
            fragments.append(f"fragment {name} on {type_.name} {{ {part} }}")
            return f"...{name}{condition}"
        case _:
            return part
