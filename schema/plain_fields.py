"""Fields that are shown or taken as they are: what they mean is written once, for both APIs."""

from dataclasses import fields
from typing import TypeVar

import strawberry

from db.specification import Specification

Kind = TypeVar("Kind", bound=type)


def takes_specification(kind: Kind) -> Kind:
    """Put the fields of a specification before those of an input."""
    own = kind.__annotations__
    kind.__annotations__ = {field.name: field.type for field in fields(Specification)} | own
    for field in fields(Specification):
        taken = strawberry.field(default=field.default, description=field.metadata["to_send"])
        setattr(kind, field.name, taken)
    return kind
