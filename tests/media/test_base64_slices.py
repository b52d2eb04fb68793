"""Base64 is decoded a slice at a time: the same comes of it as in one piece."""

import base64
from os import urandom

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from media import images
from media.images import InvalidImage, decoded_image
from tests.media.test_images import encoded

ONE_PIECE = 10**6
PNG = encoded("PNG")
TEXTS = st.text(st.sampled_from("AB01+/-_= \n=%é"), max_size=40) | st.binary(max_size=40).map(
    lambda data: base64.b64encode(data).decode()
)


def answer(text: str, size: int) -> str:
    """Return what is said of a text, decoded in slices of that size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "_SLICE", size)
        with pytest.raises(InvalidImage) as refusal:
            decoded_image(text)
    return str(refusal.value)


@given(text=TEXTS, size=st.integers(1, 13))
@example(text="QUJDQUJD=", size=4)
@example(text="QQ==QUJDQUJDQUJD", size=4)
@example(text="QUJD" * 10 + "QQ==\n\n\n\n\n\n\n\n", size=4)
def test_the_same_texts_are_refused(text: str, size: int) -> None:
    assert answer(text, size) == answer(text, ONE_PIECE)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 7, 64, 65_536])
@pytest.mark.parametrize("more", range(3))
def test_images_come_out_whole(monkeypatch: pytest.MonkeyPatch, size: int, more: int) -> None:
    monkeypatch.setattr(images, "_SLICE", size)
    data = encoded("JPEG") + urandom(more)

    for text in (base64.b64encode(data).decode(), base64.encodebytes(data).decode().replace("\n", "\r\n")):
        assert decoded_image(text).data == data
