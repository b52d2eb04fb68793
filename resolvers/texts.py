"""What clients write: text, ids and times, and what of them can be stored.

A malformed id is answered like one that does not exist.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence, Sized
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from auth.caller import UUID_TEXT
from resolvers.errors import InvalidInput, Refusal

_ADDRESS = re.compile(r"https?://[^\s/?#\\\x00-\x1f\x7f][^\s\x00-\x1f\x7f]*", re.IGNORECASE)
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can keep a text: any Unicode scalar value but NUL.

    JSON can smuggle in both NUL and lone surrogates.
    """
    return "\x00" not in text and (text.isascii() or _SURROGATE.search(text) is None)


def storable(text: str) -> str:
    """Return a text of somebody else's program as PostgreSQL can keep it: NUL and lone surrogates become U+FFFD."""
    return text if is_storable(text) else _SURROGATE.sub("\ufffd", text.replace("\x00", "\ufffd"))


def has_odd_digits(text: str) -> bool:
    """Whether a text would be a number to Python alone: 1_000, digits of another script, other space than blanks."""
    return "_" in text or not (text.isascii() and text.isprintable())


def plain_number(value: object) -> object:
    """Return what Pydantic may read a number from; a text with odd digits becomes a list, which it refuses."""
    return [value] if isinstance(value, str) and has_odd_digits(value) else value


def composed(text: str) -> str:
    """Return a text in the one form that it is stored and compared in, however its letters were put together (NFC)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def checked_text(text: str | None, field: str, longest: int) -> str | None:
    """Return a text in NFC and without the space around it, None where nothing is left.

    Raises InvalidInput when it cannot be stored, or has more than `longest` characters.
    """
    if text is None:
        return None
    # First, so that nothing is done with a text of any length.
    _check_length(text, field, longest)
    if not is_storable(text):
        raise InvalidInput(f"{field} contains characters that cannot be stored", field=field)
    # Of a few letters, NFC makes two or three.
    text = composed(text)
    _check_length(text, field, longest)
    return text.strip() or None


def required_text(text: str | None, field: str, longest: int) -> str:
    """Return a text that has to be there.

    Raises InvalidInput: also when it is empty.
    """
    checked = checked_text(text, field, longest)
    if checked is None:
        raise InvalidInput(f"{field} is required", field=field)
    return checked


def checked_address(text: str | None, field: str, longest: int) -> str | None:
    """Return the address of a web page, which a browser goes to when it is clicked.

    Raises InvalidInput: also for any other scheme, since some run as a script of the page that shows them.
    """
    checked = checked_text(text, field, longest)
    if checked is not None and _ADDRESS.fullmatch(checked) is None:
        raise InvalidInput(f"{field} must be an address that begins with https:// or http://", field=field)
    return checked


def _check_length(text: str, field: str, longest: int) -> None:
    if len(text) > longest:
        raise InvalidInput(f"{field} must be at most {longest} characters", field=field)


T = TypeVar("T")

# A UUID in braces, or as a URN, is shorter; `UUID` copies a text of any length several times before it looks.
LONGEST_UUID = 64
# The id of nothing.
NOBODYS = UUID(int=0)
# How many a list can be asked for by.
MOST_IDS = 100


def uuid_of(text: str) -> UUID:
    """Read a UUID; raises ValueError."""
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


def at_most(most: int, sentence: str, field: str) -> Callable[[Sized], None]:
    """Return what refuses a longer list before anything looks at what is in it; that raises InvalidInput."""

    def check(things: Sized) -> None:
        if len(things) > most:
            raise InvalidInput(sentence, field=field)

    return check


def distinct(values: Sequence[T] | None, field: str) -> list[T] | None:
    """Return what a list is narrowed by, each value once. None stays None.

    Raises InvalidInput: there are too many.
    """
    if values is None:
        return None
    at_most(MOST_IDS, f"At most {MOST_IDS} values can be asked for at once", field)(values)
    return list(dict.fromkeys(values))


def uuids_of(texts: Sequence[str] | None) -> list[UUID] | None:
    """Read the ids that a list is asked for by, each once; what is no UUID is the id of nothing. None stays None.

    Raises InvalidInput: there are too many.
    """
    if texts is None:
        return None
    at_most(MOST_IDS, f"At most {MOST_IDS} ids can be asked for at once", "ids")(texts)
    return list(dict.fromkeys(id_or_nothing(text) or NOBODYS for text in texts))


def in_utc(time: datetime | None, field: str) -> datetime | None:
    """Return the same time in UTC, which is what one without a zone means; None stays None.

    Raises InvalidInput: there is no such time, as at the ends of the calendar.
    """
    if time is None:
        return None
    try:
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise InvalidInput(f"{field} is beyond the calendar", field=field) from None
