"""Stored paths become URLs below the service's own, URLs stay; anything else is joined as `urljoin` does."""

from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.signed_paths import PlainPaths
from rest_compat.services import shown_url

BASES = ["http://house/", "https://house:8000/", "http://house/behind/a/proxy/", "http://127.0.0.1:1/", "http://x?y/"]
PARTS = [
    "/",
    "//",
    "media",
    "x.mp4",
    "..",
    ".",
    "?",
    "#",
    ";",
    ":",
    "https:",
    "http:",
    "house",
    "é",
    "%20",
    " ",
    "[",
    "_-",
]


@given(base=st.sampled_from(BASES), parts=st.lists(st.sampled_from(PARTS), max_size=8))
def test_it_is_a_path_below_or_what_urljoin_makes(base: str, parts: list[str]) -> None:
    stored = "".join(parts)
    if stored.startswith("/") and not stored.startswith("//"):
        assert shown_url(PlainPaths(), base, stored) == base.replace("?y", "").rstrip("/") + stored
        return
    if stored.startswith(("http://", "https://")):
        assert shown_url(PlainPaths(), base, stored) == stored
        return
    try:
        expected = urljoin(base, stored)
    except ValueError:
        with pytest.raises(ValueError, match=r".*"):
            shown_url(PlainPaths(), base, stored)
    else:
        assert shown_url(PlainPaths(), base, stored) == expected


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    "stored",
    [
        "https://a.example.com/a-b/c_d.1/e.jpg",
        "https://x:1/y",
        "http://house/y",
        "HTTP://house/y",
        "",
    ],
)
def test_what_is_usually_stored_is_joined_alike(base: str, stored: str) -> None:
    assert shown_url(PlainPaths(), base, stored) == urljoin(base, stored)
