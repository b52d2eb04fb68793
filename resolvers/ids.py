"""Ids as callers write them: a malformed one is answered like one that does not exist."""

from collections.abc import Callable
from uuid import UUID

from resolvers.errors import Refusal


def uuid_or(text: str, not_found: Callable[[], Refusal]) -> UUID:
    """Read a UUID, or raise the error that an unknown id gets."""
    try:
        return UUID(text)
    except ValueError:
        raise not_found() from None
