"""Random queries that the schema allows, for hypothesis."""

from dataclasses import dataclass, field
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
    asker = Asker(draw)
    # Each variable has to be used somewhere.
    parts = ["__typename @include(if: $yes) other: __typename @skip(if: $no)"]
    for name in draw(st.lists(st.sampled_from(sorted(ROOTS)), min_size=1, max_size=2)):
        inner = get_named_type(schema.query_type.fields[name].type)
        parts.append(f"r{next(asker.numbers)}: {ROOTS[name]} {asker.fields(inner, DEEPEST)}")
    return f"query ($yes: Boolean!, $no: Boolean!) {{ {' '.join(parts)} }} {' '.join(asker.fragments)}"


@dataclass
class Asker:
    """Draws the parts of one query; names are made of numbers, so that none has two meanings."""

    draw: st.DrawFn
    numbers: "count[int]" = field(default_factory=count)
    fragments: list[str] = field(default_factory=list)

    def fields(self, type_: GraphQLNamedType, depth: int) -> str:
        """Draw a selection set."""
        if not isinstance(type_, GraphQLObjectType):
            return f"{{ {ERRORS} }}"
        names = [
            name
            for name, found in type_.fields.items()
            if depth or not isinstance(get_named_type(found.type), GraphQLObjectType)
        ]
        drawn = self.draw(st.lists(st.sampled_from(["__typename", *names]), min_size=1, max_size=6))
        return "{ " + " ".join(self.wrapped(self.field(type_, name, depth), type_) for name in drawn) + " }"

    def field(self, type_: GraphQLObjectType, name: str, depth: int) -> str:
        part = f"f{next(self.numbers)}: {name}" if self.draw(st.booleans()) else name
        part += self.draw(st.sampled_from(DIRECTIVES))
        inner = get_named_type(type_.fields[name].type) if name in type_.fields else None
        if inner is not None and (hasattr(inner, "fields") or hasattr(inner, "types")):
            part += " " + self.fields(inner, depth - 1)
        return part

    def wrapped(self, part: str, type_: GraphQLObjectType) -> str:
        """Put a field into a fragment, or leave it."""
        condition = self.draw(st.sampled_from(DIRECTIVES))
        match self.draw(st.sampled_from(["", "", "", "inline", "typed", "named"])):
            case "inline":
                return f"...{condition} {{ {part} }}"
            case "typed":
                return f"... on {type_.name}{condition} {{ {part} }}"
            case "named":
                name = f"F{next(self.numbers)}"
                self.fragments.append(f"fragment {name} on {type_.name} {{ {part} }}")
                return f"...{name}{condition}"
            case _:
                return part
