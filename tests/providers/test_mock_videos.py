import struct
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from pymediainfo import MediaInfo, Track

from providers.mock_videos import FOLDER, NoSuchMockVideo, mock_video

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


def tracks(path: Path) -> dict[str, list[Track]]:
    """Group the file's tracks by kind: General, Video, Audio."""
    grouped: dict[str, list[Track]] = {}
    info = MediaInfo.parse(path)
    assert isinstance(info, MediaInfo)
    for track in info.tracks:
        grouped.setdefault(track.track_type, []).append(track)
    return grouped


def top_level_boxes(content: bytes) -> Iterator[str]:
    offset = 0
    while offset < len(content):
        size, name = struct.unpack_from(">I4s", content, offset)
        assert 8 <= size <= len(content) - offset
        yield name.decode("ascii")
        offset += size


@every_combination
def test_picture_is_what_the_name_promises(resolution: str, aspect_ratio: str, seconds: int, *, audio: bool) -> None:
    found = tracks(mock_video(resolution, aspect_ratio, seconds, audio=audio))

    [general], [picture] = found["General"], found["Video"]
    assert general.format == "MPEG-4"
    assert picture.format == "AVC"
    assert (picture.width, picture.height) == FRAME_SIZES[resolution, aspect_ratio]
    assert float(picture.frame_rate) == 24.0
    for track in (general, picture):
        assert float(track.duration) == pytest.approx(seconds * 1000, abs=50)


@every_combination
def test_sound_is_there_exactly_when_asked_for(
    resolution: str, aspect_ratio: str, seconds: int, *, audio: bool
) -> None:
    found = tracks(mock_video(resolution, aspect_ratio, seconds, audio=audio)).get("Audio", [])

    assert [track.format for track in found] == (["AAC"] if audio else [])
    for track in found:
        assert float(track.duration) == pytest.approx(seconds * 1000, abs=50)


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
