"""Ids and times as callers write them: a malformed id is answered like one that does not exist."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from auth.caller import UUID_TEXT
from resolvers.errors import InvalidInput, Refusal

T = TypeVar("T")

# A UUID in braces, or as a URN, is shorter; `UUID` copies a text of any length several times before it looks.
LONGEST_UUID = 64
# The id of nothing.
NOBODYS = UUID(int=0)
# How many a list can be asked for by.
MOST_IDS = 100


def uuid_of(text: str) -> UUID:
    """Read a UUID.

    Raises:
        ValueError

    """
    if len(text) > LONGEST_UUID or not UUID_TEXT.fullmatch(text):
        raise ValueError("no UUID")
    return UUID(text)


def uuid_or(text: str, not_found: Callable[[], Refusal]) -> UUID:
    """Read a UUID, or raise the error that an unknown id gets."""
    try:
        return uuid_of(text)
    except ValueError:
        raise not_found() from None


def id_or_nothing(text: str | None) -> UUID | None:
    """Read the id that a list is filtered by; what is no UUID is the id of nothing. None stays None."""
    try:
        return None if text is None else uuid_of(text)
    except ValueError:
        return NOBODYS


def distinct(values: Sequence[T] | None, field: str) -> list[T] | None:
    """Return what a list is narrowed by, each value once. None stays None.

    Raises:
        InvalidInput: there are too many

    """
    if values is not None and len(values) > MOST_IDS:
        raise InvalidInput(f"At most {MOST_IDS} values can be asked for at once", field=field)
    return None if values is None else list(dict.fromkeys(values))


def uuids_of(texts: Sequence[str] | None) -> list[UUID] | None:
    """Read the ids that a list is asked for by, each once; what is no UUID is the id of nothing. None stays None.

    Raises:
        InvalidInput: there are too many

    """
    if texts is None:
        return None
    if len(texts) > MOST_IDS:
        raise InvalidInput(f"At most {MOST_IDS} ids can be asked for at once", field="ids")
    return list(dict.fromkeys(id_or_nothing(text) or NOBODYS for text in texts))


def in_utc(time: datetime | None, field: str) -> datetime | None:
    """Return the same time in UTC, which is what one without a zone means; None stays None.

    Raises:
        InvalidInput: there is no such time, as at the ends of the calendar

    """
    if time is None:
        return None
    try:
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise InvalidInput(f"{field} is beyond the calendar", field=field) from None
