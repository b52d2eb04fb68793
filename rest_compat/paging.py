"""Paging by offset, as the legacy frontend does it."""

from typing import Annotated

from fastapi import Query

# What PostgreSQL's OFFSET and this API can take.
LARGEST_SKIP = 10_000_000

LARGEST_PAGE = 100
DEFAULT_PAGE = 50

Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="How many at most")]
Skip = Annotated[int, Query(ge=0, le=LARGEST_SKIP, description="How many to leave out at the start")]
