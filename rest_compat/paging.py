"""Lists as the legacy frontend asks for them: pages by offset, and filters that may say that none was given."""

from functools import partial
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator

from rest_compat.wire import PLAIN

# What PostgreSQL's OFFSET and this API can take.
LARGEST_SKIP = 10_000_000

LARGEST_PAGE = 100
LARGEST_PAGE_OF_LOOKS = 1000
DEFAULT_PAGE = 50

# The frontend asks for more than there may be, and expects the most.
Limit = Annotated[
    int,
    Query(ge=1, description="How many at most; more than 100 mean 100"),
    PLAIN,
    AfterValidator(partial(min, LARGEST_PAGE)),
]
LimitOfLooks = Annotated[
    int,
    Query(ge=1, description="How many at most; more than 1000 mean 1000"),
    PLAIN,
    AfterValidator(partial(min, LARGEST_PAGE_OF_LOOKS)),
]
Skip = Annotated[int, Query(ge=0, le=LARGEST_SKIP, description="How many to leave out at the start"), PLAIN]

# How JavaScript spells that there is no filter.
_NONE = {"", "null", "undefined"}


def given(text: str | None) -> str | None:
    """Return a filter, None where there is none."""
    return None if text is None or text.strip() in _NONE else text
