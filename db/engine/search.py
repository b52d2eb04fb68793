"""Text as it is searched: the same for all ways to write and to compose the same letters."""

import unicodedata

# Turkish has an i with a dot and one without, in both cases; people of all countries search with the one they have.
_DOTLESS, _DOT_ABOVE = "\u0131", "\u0307"


def searchable(text: str) -> str:
    """Return a text without regard to case and composition (Unicode, section 3.13, D145), in NFC."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFD", text).casefold().replace(_DOTLESS, "i").replace("i" + _DOT_ABOVE, "i")
    return unicodedata.normalize("NFC", folded)


def folded(text: str | None) -> str | None:
    """Return what is stored beside a text to search it by; None where the database's own small letters will do."""
    return None if text is None or text.isascii() else searchable(text)
