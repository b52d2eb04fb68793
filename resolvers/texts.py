"""Text that people write: what can be stored of it, and how much."""

import re
import unicodedata

from resolvers.errors import InvalidInput

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

    Raises:
        InvalidInput: when it cannot be stored, or has more than `longest` characters.

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

    Raises:
        InvalidInput: also when it is empty.

    """
    checked = checked_text(text, field, longest)
    if checked is None:
        raise InvalidInput(f"{field} is required", field=field)
    return checked


def checked_address(text: str | None, field: str, longest: int) -> str | None:
    """Return the address of a web page, which a browser goes to when it is clicked.

    Raises:
        InvalidInput: also for any other scheme, since some run as a script of the page that shows them.

    """
    checked = checked_text(text, field, longest)
    if checked is not None and _ADDRESS.fullmatch(checked) is None:
        raise InvalidInput(f"{field} must be an address that begins with https:// or http://", field=field)
    return checked


def _check_length(text: str, field: str, longest: int) -> None:
    if len(text) > longest:
        raise InvalidInput(f"{field} must be at most {longest} characters", field=field)
