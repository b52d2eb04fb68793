"""The values of JSON, counted on its bytes: as many as a parser would find, however the bytes are cut."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphql_server import json_values
from graphql_server.http_answers import Refused
from graphql_server.json_values import LARGE, JsonValues, decoded

TEXTS = st.text(st.sampled_from(list('a,:[]{}"\\/é\n')), max_size=12)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=30)


def weight(value: Any) -> int:
    """Count commas, colons and opening brackets as `json` writes them."""
    if isinstance(value, dict):
        return 1 + max(0, len(value) - 1) + len(value) + sum(map(weight, value.values()))
    if isinstance(value, list):
        return 1 + max(0, len(value) - 1) + sum(map(weight, value))
    return 0


def is_accepted(pieces: list[bytes]) -> bool:
    values = JsonValues()
    try:
        for piece in pieces:
            values.count(piece)
    except Refused as refused:
        assert (refused.status_code, refused.code) == (400, "TOO_MANY_VALUES")  # noqa: PT017 - fewer values raise nothing
        return False
    return True


@given(value=VALUES, cuts=st.lists(st.integers(0, 400)), window=st.integers(1, 9), ascii_=st.booleans())
def test_what_is_counted_is_what_is_there(value: Any, cuts: list[int], window: int, *, ascii_: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_).encode()
    pieces = [text[begin:end] for begin, end in pairwise([0, *sorted(cuts), len(text)])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_values, "WINDOW", window)

        patch.setattr(json_values, "MOST_VALUES", weight(value))
        assert is_accepted(pieces)
        patch.setattr(json_values, "MOST_VALUES", weight(value) - 1)
        assert not is_accepted(pieces)


@pytest.mark.parametrize("beginning", [b'"', b'"\\"', b'["a\\\\", "', b'{"a": "\\u0022', b'"\\\\\\"'])
def test_what_is_in_quotes_does_not_count(beginning: bytes) -> None:
    assert is_accepted([beginning, b",[{:" * 100_000])


@pytest.mark.parametrize("beginning", [b"", b'""', b'"a\\\\"', b'["\\"", ', b'{"a": "\\\\\\\\"'])
def test_what_is_behind_quotes_counts(beginning: bytes) -> None:
    assert not is_accepted([beginning, b",[{:" * 100_000])


@pytest.mark.parametrize("padding", [0, LARGE])
def test_small_and_large_json_is_read_alike(padding: int) -> None:
    value = {"a": "é\n", "b": [1, -2.5, None, True, {"": ""}], "c": 12.99}
    text = json.dumps(value) + " " * padding

    assert decoded(text) == decoded(text.encode()) == decoded(bytearray(text.encode())) == value


@pytest.mark.parametrize(
    "text", [b"{", b'{"a": "\xff"}', b'"\\ud800"', b"NaN", b"[1,]", b"{} {}", b'{"a": ' + b"9" * 5_000 + b"}"]
)
@pytest.mark.parametrize("padding", [0, LARGE])
def test_what_is_no_json_is_an_error_of_one_kind(text: bytes, padding: int) -> None:
    with pytest.raises(json.JSONDecodeError) as error:
        decoded(b" " * padding + text)

    # Of a large text, the error must not hold a copy.
    assert padding == 0 or error.value.doc == ""
