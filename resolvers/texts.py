"""Text that people write: what can be stored of it, and how much."""

import re

from resolvers.errors import InvalidInput

_SURROGATE = re.compile(r"[\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can keep a text: any Unicode scalar value but NUL.

    JSON can smuggle in both NUL and lone surrogates.
    """
    return "\x00" not in text and (text.isascii() or _SURROGATE.search(text) is None)


def checked_text(text: str | None, field: str, longest: int) -> str | None:
    """Return a text without the space around it, None where nothing is left.

    Raises:
        InvalidInput: when it cannot be stored, or has more than `longest` characters.

    """
    if text is None:
        return None
    # First, so that nothing is done with a text of any length.
    if len(text) > longest:
        raise InvalidInput(f"{field} must be at most {longest} characters", field=field)
    if not is_storable(text):
        raise InvalidInput(f"{field} contains characters that cannot be stored", field=field)
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
