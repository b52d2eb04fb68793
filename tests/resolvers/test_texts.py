"""Texts: what can be stored, and how much; a long one is refused before anything looks at it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.errors import InvalidInput, LookNotFound, VideoJobNotFound
from resolvers.texts import checked_text, is_storable, uuid_or


@given(st.text(st.characters(exclude_categories=[])))
def test_what_postgresql_can_store_is_storable(text: str) -> None:
    assert is_storable(text) == ("\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text))


@pytest.mark.parametrize("text", ["a" * 11, "\x00" * 11, "\ud800" * 10_000_000, " " * 11])
def test_a_long_text_is_refused_for_its_length(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        checked_text(text, "title", 10)

    assert (refusal.value.message, refusal.value.field) == ("title must be at most 10 characters", "title")


@pytest.mark.parametrize("text", ["a\x00", "\ud800", "é\udfff"])
def test_a_short_one_for_its_content(text: str) -> None:
    with pytest.raises(InvalidInput, match="title contains characters that cannot be stored"):
        checked_text(text, "title", 10)


@pytest.mark.parametrize("text", ["", "x", "{", "f" * 33, "0" * 10_000_000, "\x00", f"1{'_1' * 15}1", "\u0661" * 32])
@pytest.mark.parametrize("not_found", [LookNotFound, VideoJobNotFound])
def test_what_is_no_id_is_not_found(text: str, not_found: type[LookNotFound | VideoJobNotFound]) -> None:
    with pytest.raises(not_found):
        uuid_or(text, not_found)


@pytest.mark.parametrize("spelled", ["{}", "urn:uuid:{}", "{{{}}}"])
def test_an_id_may_be_spelled_as_uuids_are(spelled: str) -> None:
    id_ = "00000000-0000-7000-8000-000000000000"

    assert str(uuid_or(spelled.format(id_), LookNotFound)) == id_
