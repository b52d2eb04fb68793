import struct
from collections.abc import Iterator
from itertools import product

import av
import pytest

from media.videos import probe
from providers.mock.videos import FOLDER, NoSuchMockVideo, mock_video

FRAME_SIZES = {
    ("720p", "16:9"): (1280, 720),
    ("720p", "9:16"): (720, 1280),
    ("1080p", "16:9"): (1920, 1080),
    ("1080p", "9:16"): (1080, 1920),
}
EVERY_COMBINATION = [
    (resolution, aspect_ratio, seconds, audio)
    for (resolution, aspect_ratio), seconds, audio in product(FRAME_SIZES, (4, 8), (True, False))
]
every_combination = pytest.mark.parametrize(("resolution", "aspect_ratio", "seconds", "audio"), EVERY_COMBINATION)


def top_level_boxes(content: bytes) -> Iterator[str]:
    offset = 0
    while offset < len(content):
        size, name = struct.unpack_from(">I4s", content, offset)
        assert 8 <= size <= len(content) - offset
        yield name.decode("ascii")
        offset += size


@every_combination
def test_picture_is_what_the_name_promises(resolution: str, aspect_ratio: str, seconds: int, *, audio: bool) -> None:
    path = mock_video(resolution, aspect_ratio, seconds, audio=audio)

    properties = probe(path)
    assert (properties.width, properties.height) == FRAME_SIZES[resolution, aspect_ratio]
    assert properties.duration_seconds == pytest.approx(seconds, abs=0.05)
    with av.open(path, "r", format="mp4") as container:
        [picture] = container.streams.video
        assert picture.codec_context.name == "h264"
        assert picture.average_rate == 24
        assert container.duration == pytest.approx(seconds * av.time_base, abs=0.05 * av.time_base)


@every_combination
def test_sound_is_there_exactly_when_asked_for(
    resolution: str, aspect_ratio: str, seconds: int, *, audio: bool
) -> None:
    path = mock_video(resolution, aspect_ratio, seconds, audio=audio)

    assert probe(path).has_audio is audio
    with av.open(path, "r", format="mp4") as container:
        tracks = container.streams.audio
        assert [track.codec_context.name for track in tracks] == (["aac"] if audio else [])
        for track in tracks:
            assert track.duration == pytest.approx(seconds * track.rate, abs=0.05 * track.rate)


@every_combination
def test_a_player_can_start_before_the_whole_file_is_there(
    resolution: str, aspect_ratio: str, seconds: int, *, audio: bool
) -> None:
    boxes = list(top_level_boxes(mock_video(resolution, aspect_ratio, seconds, audio=audio).read_bytes()))

    assert boxes[0] == "ftyp"
    assert boxes.index("moov") < boxes.index("mdat")


def test_each_combination_has_its_own_file_and_no_other_is_shipped() -> None:
    named = [
        mock_video(resolution, aspect_ratio, seconds, audio=audio)
        for resolution, aspect_ratio, seconds, audio in EVERY_COMBINATION
    ]

    assert len(named) == 16
    assert sorted(named) == sorted(FOLDER.glob("*.mp4"))


def test_file_name_states_the_combination() -> None:
    assert mock_video("720p", "16:9", 8, audio=True).name == "720p-16x9-8s-audio.mp4"
    assert mock_video("1080p", "9:16", 4, audio=False).name == "1080p-9x16-4s-silent.mp4"


def test_all_files_together_stay_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.glob("*.mp4")) < 1_200_000


@pytest.mark.parametrize(
    ("resolution", "aspect_ratio", "seconds"),
    [("480p", "16:9", 8), ("720p", "1:1", 8), ("720p", "16:9", 6), ("../720p", "16:9", 8)],
)
def test_unknown_combination_is_a_named_error(resolution: str, aspect_ratio: str, seconds: int) -> None:
    with pytest.raises(NoSuchMockVideo, match=f"{resolution}, {aspect_ratio}, {seconds} s"):
        mock_video(resolution, aspect_ratio, seconds, audio=True)
