"""How many values JSON holds, counted on its bytes: before anything makes objects of them, and while they come."""

import json
import re
from http import HTTPStatus
from typing import Any

import orjson
from pydantic_core import from_json

from graphql_server.http_answers import Refused

# What has a name, and an object or a list, counts twice. The largest request that the rules accept has some 3,000; of
# more than that, the rules still say what is wrong.
MOST_VALUES = 50_000
# How much may be anything else than plain text in quotes. Images in base64 are plain, also where each slash is escaped;
# what people write is less than this. All else takes several times as long to read.
MOST_RICH_BYTES = 2 * 1024 * 1024
RICH_SHARE = 16
LONGEST_NAME_SHOWN = 100
# Looked at in one piece, which others wait for.
WINDOW = 64 * 1024
_STRUCTURE = b",:[{"
# What need not be looked at to find a name.
_LONG_TEXT = re.compile(rb'"[A-Za-z0-9+/=:;,_-]{200,}"')
# To read digits takes the square of their number; where they come in two windows, one has half of them.
_LONG_NUMBER = re.compile(rb"[0-9]{200}")
# See `decoded`.
LARGE = 1024 * 1024


class JsonValues:
    """Counts the values of one JSON text, which comes in pieces.

    What is in quotes does not count, however many commas and brackets there are. Until its first mistake, beyond which
    no parser goes, a text is seen as a parser would see it.
    """

    def __init__(self) -> None:
        self._count = 0
        self._names = 0
        self._rich = 0
        self._in_quotes = False
        self._is_escaped = False

    def count(self, piece: bytes) -> None:
        """Count a piece.

        Raises Refused: there is more by now than is accepted.
        """
        for begin in range(0, len(piece), WINDOW):
            self._look_at(piece[begin : begin + WINDOW])
            if self._count > MOST_VALUES:
                sentence = f"The request holds too many values: at most {MOST_VALUES:,} are accepted"
                raise Refused(HTTPStatus.BAD_REQUEST, sentence, "TOO_MANY_VALUES")
            if self._rich > MOST_RICH_BYTES:
                sentence = "The request holds too much text: large content has to be base64, as images are sent"
                raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence, "BODY_TOO_LARGE")

    def _look_at(self, window: bytes) -> None:
        # To look whether there is one takes a hundredth of what it takes to count or to split.
        has_escapes = b"\\" in window
        if not window.isascii() or (has_escapes and window.count(b"\\") * RICH_SHARE > len(window)):
            self._rich += len(window)
        if has_escapes or self._is_escaped:
            window = window[self._is_escaped :].replace(b"\\\\", b"").replace(b'\\"', b"")
            self._is_escaped = window.endswith(b"\\")
        if self._in_quotes and b'"' not in window:
            return
        parts = window.split(b'"')
        outside = b"".join(parts[self._in_quotes :: 2])
        self._in_quotes ^= len(parts) % 2 == 0
        if _LONG_NUMBER.search(outside):
            raise Refused(HTTPStatus.BAD_REQUEST, "A number in the request has too many digits")
        self._rich += len(outside)
        self._count += len(outside) - len(outside.translate(None, _STRUCTURE))
        self._names += outside.count(b":")

    def repeated_name(self, value: object, text: str | bytes | bytearray) -> str | None:
        """Return a name that an object of the counted text has twice; `value` has the last one's value alone."""
        if self._names == _names_in(value):
            return None
        try:
            json.loads(_LONG_TEXT.sub(b'""', text.encode() if isinstance(text, str) else text), object_pairs_hook=_once)
        except _Repeated as repeated:
            return str(repeated)
        except RecursionError:
            return "..."
        return None


class _Repeated(Exception):
    """An object has a name twice."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names: set[str] = set()
    for name, _ in pairs:
        if name in names:
            raise _Repeated(name[:LONGEST_NAME_SHOWN])
        names.add(name)
    return {}


def _names_in(value: object) -> int:
    """Count the names of all objects in a value."""
    count, left = 0, [value]
    while left:
        match left.pop():
            case dict() as members:
                count += len(members)
                left.extend(members.values())
            case list() as items:
                left.extend(items)
    return count


def checked(text: str | bytes, values: JsonValues | None = None) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return the value of a JSON text, whose values are counted here where that was not done as it came.

    Raises json.JSONDecodeError, and Refused: too many values, or a name that an object has twice.
    """
    if values is None:
        values = JsonValues()
        values.count(text.encode() if isinstance(text, str) else text)
    value = decoded(text)
    name = values.repeated_name(value, text)
    if name is not None:
        sentence = f"The request holds '{name}' more than once in one object"
        raise Refused(HTTPStatus.BAD_REQUEST, sentence, "REPEATED_NAME")
    return value


def decoded(data: str | bytes | bytearray) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return the value of JSON.

    Large JSON is a long text with little around it, for which Pydantic's reader takes a tenth of the time. Of many
    small values orjson is the faster reader, reads deeper, and tells where a mistake is, for which it copies the text.

    Raises json.JSONDecodeError: also for what is nested too deeply.
    """
    if len(data) <= LARGE:
        return orjson.loads(data)
    try:
        return from_json(data, allow_inf_nan=False, cache_strings="none")
    except ValueError as error:
        raise json.JSONDecodeError(str(error), "", 0) from None
