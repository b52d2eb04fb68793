"""Ids as callers write them: a malformed one is answered like one that does not exist."""

from collections.abc import Callable
from uuid import UUID

from resolvers.errors import Refusal

# A UUID in braces, or as a URN, is shorter; `UUID` copies a text of any length several times before it looks.
LONGEST_UUID = 64


def uuid_of(text: str) -> UUID:
    """Read a UUID.

    Raises:
        ValueError

    """
    if len(text) > LONGEST_UUID:
        raise ValueError("longer than any UUID")
    return UUID(text)


def uuid_or(text: str, not_found: Callable[[], Refusal]) -> UUID:
    """Read a UUID, or raise the error that an unknown id gets."""
    try:
        return uuid_of(text)
    except ValueError:
        raise not_found() from None
