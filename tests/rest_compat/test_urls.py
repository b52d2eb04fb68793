"""Stored paths become URLs below the service's own, as over GraphQL; what is a URL stays as it is stored."""

import pytest

from auth.signed_paths import PlainPaths, SignedPaths
from rest_compat.services import shown_url

BASES = {
    "http://house/": "http://house",
    "https://house:8000/": "https://house:8000",
    "http://house/behind/a/proxy/": "http://house/behind/a/proxy",
    "http://127.0.0.1:1/": "http://127.0.0.1:1",
    "http://x?y/": "http://x",
}
PATHS = ["/", "/media/x.mp4", "/media/../x", "/é", "/a b", "/x;y", "/media/x.mp4?download", "//cdn.example.com/x.mp4"]
URLS = ["https://a.example.com/a-b/c_d.1/e.jpg", "https://x:1/y?", "http://house/y#", "HTTP://house/y", "[::1", ""]


@pytest.mark.parametrize(("base", "below"), BASES.items())
def test_paths_are_below_the_base_and_urls_stay(base: str, below: str) -> None:
    assert [shown_url(PlainPaths(), base, path) for path in PATHS] == [below + path for path in PATHS]
    assert [shown_url(PlainPaths(), base, url) for url in URLS] == URLS


def test_what_was_asked_of_a_file_is_behind_its_signature() -> None:
    signed = SignedPaths(["secret"], clock=lambda: 0.0)
    assert shown_url(signed, "http://house/", "/media/x.mp4?download") == (
        f"http://house{signed.signed('/media/x.mp4')}&download"
    )
