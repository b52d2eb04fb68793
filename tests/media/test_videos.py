"""Videos as files: what is one, what is not, and what is made of one."""

import os
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from unittest.mock import Mock

import av
import pytest
from av.stream import Disposition
from PIL.JpegImagePlugin import JpegImageFile

from media.images import verified_image
from media.video_properties import NotAVideo, VideoProperties
from media.videos import poster, probe, without_sound
from providers.mock.videos import FRAME_SIZES, mock_video
from tests.media.signed import C2PA, box, with_boxes
from tests.mock_videos import SHIPPED, MockVideo

WITH_SOUND = mock_video("720p", "16:9", 8, audio=True)
CONTENT = WITH_SOUND.read_bytes()
MOOV = CONTENT.index(b"moov") - 4
MDAT = CONTENT.index(b"mdat") - 4

each_shipped = pytest.mark.parametrize("video", SHIPPED, ids=lambda video: video.path.name)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "video.mp4"
        path.write_bytes(content)
        return path

    return write


def music(path: Path, *, cover: bool) -> None:
    """Write the sound of a video, with a cover picture if wanted."""
    with av.open(WITH_SOUND) as source, av.open(path, "w", format="mp4") as container:
        copied = container.add_stream_from_template(source.streams.audio[0])
        if cover:
            picture = container.add_stream("mjpeg", rate=1)
            picture.width, picture.height, picture.pix_fmt = 64, 64, "yuvj420p"
            picture.disposition = Disposition.attached_pic
            container.mux(picture.encode(av.VideoFrame(64, 64, "yuvj420p")))
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = copied
                container.mux(packet)


def moving(path: Path, *, seconds: float, width: int = 64, height: int = 64) -> None:
    """Write a video of one colour, two frames a second."""
    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=2)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _ in range(int(seconds * 2)):
            container.mux(stream.encode(av.VideoFrame(width, height, "yuv420p")))
        container.mux(stream.encode(None))


XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


@pytest.mark.parametrize(
    ("inserted", "is_signed"),
    [
        (box(b"uuid", C2PA + bytes(6113)), True),
        (box(b"uuid", C2PA), True),
        (struct.pack(">I4sQ", 1, b"uuid", 32) + C2PA, True),
        (box(b"free") + box(b"uuid", XMP) + box(b"uuid", C2PA + b"manifest"), True),
        (box(b"uuid", XMP + C2PA), False),
        (box(b"free", C2PA), False),
        (b"", False),
    ],
    ids=["as Google's", "empty", "long", "behind others", "another's", "no uuid box", "none"],
)
def test_content_credentials_are_a_box_of_their_own(
    written: Callable[[bytes], Path], inserted: bytes, *, is_signed: bool
) -> None:
    assert probe(written(with_boxes(CONTENT, inserted))).has_content_credentials is is_signed
    assert probe(written(CONTENT + inserted)).has_content_credentials is is_signed


@each_shipped
def test_what_a_video_is(video: MockVideo) -> None:
    width, height = FRAME_SIZES[video.resolution, video.aspect_ratio]
    path = video.path

    properties = probe(path)

    assert properties == VideoProperties(
        duration_seconds=float(video.duration_seconds),
        size_bytes=path.stat().st_size,
        width=width,
        height=height,
        has_audio=video.audio,
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "0 bytes that do not begin as an MP4 does", id="empty"),
        pytest.param(b"<!DOCTYPE html><html><body>502</body></html>", "do not begin as an MP4 does", id="html"),
        pytest.param(b'{"error": {"message": "no"}}', "do not begin as an MP4 does", id="json"),
        pytest.param(bytes(5000), "do not begin as an MP4 does", id="zeros"),
        pytest.param(CONTENT[:7], "do not begin as an MP4 does", id="a-few-bytes"),
        pytest.param(CONTENT[MOOV:], "do not begin as an MP4 does", id="without-ftyp"),
        pytest.param(CONTENT[:20], "cut off", id="cut-in-ftyp"),
        pytest.param(CONTENT[:MOOV], "no moov box", id="ftyp-only"),
        pytest.param(CONTENT[: MOOV + 4], "cut off", id="cut-in-the-head-of-moov"),
        pytest.param(CONTENT[: MOOV + 100], "cut off", id="cut-in-moov"),
        pytest.param(CONTENT[:MDAT], "no mdat box", id="cut-before-mdat"),
        pytest.param(CONTENT[: MDAT + 8], "cut off", id="cut-after-the-head-of-mdat"),
        pytest.param(CONTENT[: len(CONTENT) // 2], "cut off", id="half"),
        pytest.param(CONTENT[:-1], "cut off", id="cut-by-one-byte"),
        pytest.param(CONTENT + b"<html", "cut off", id="text-behind-it"),
        pytest.param(CONTENT[:MOOV] + CONTENT[MDAT:], "no moov box", id="without-moov"),
        pytest.param(CONTENT[:MOOV] + box(b"moov") + CONTENT[MDAT:], "no video stream", id="empty-moov"),
        pytest.param(
            box(b"ftyp", b"isom") + box(b"moov", b"junk" * 9) + box(b"mdat"), "FFmpeg cannot read it", id="moov-of-junk"
        ),
        pytest.param(
            CONTENT[:MDAT] + box(b"mdat", bytes(len(CONTENT) - MDAT - 8)), "FFmpeg cannot read it", id="mdat-of-zeros"
        ),
        pytest.param(
            CONTENT[:MOOV] + struct.pack(">I4sQ", 1, b"mdat", 15), "boxes are broken", id="long-box-too-short"
        ),
        pytest.param(
            CONTENT[:MOOV] + struct.pack(">I4s", 7, b"free"), "boxes are broken", id="box-shorter-than-its-head"
        ),
    ],
)
def test_what_is_no_video(written: Callable[[bytes], Path], content: bytes, reason: str) -> None:
    with pytest.raises(NotAVideo, match=reason):
        probe(written(content))


@pytest.mark.parametrize("cover", [False, True])
def test_sound_alone_is_no_video(tmp_path: Path, *, cover: bool) -> None:
    path = tmp_path / "sound.mp4"
    music(path, cover=cover)

    for ask in (probe, poster):
        with pytest.raises(NotAVideo, match="no video stream"):
            ask(path)


@pytest.mark.parametrize(
    ("seconds", "width", "height", "reason"),
    [(0.5, 64, 64, "it lasts 0.500 s"), (60, 64, 64, "it lasts 60.000 s"), (2, 8, 64, "it is 8x64 pixels large")],
)
def test_a_strange_size_or_duration_is_no_video(
    tmp_path: Path, seconds: float, width: int, height: int, reason: str
) -> None:
    path = tmp_path / "video.mp4"
    moving(path, seconds=seconds, width=width, height=height)

    with pytest.raises(NotAVideo, match=reason):
        probe(path)


def test_boxes_of_other_lengths_are_read(written: Callable[[bytes], Path]) -> None:
    """A length of 0 goes to the end of the file, one of 1 stands in the next eight bytes (ISO/IEC 14496-12, 4.2)."""
    open_ended = CONTENT[:MDAT] + struct.pack(">I", 0) + CONTENT[MDAT + 4 :]
    free = struct.pack(">I4sQ", 1, b"free", 20) + bytes(4)

    assert probe(written(open_ended)).duration_seconds == 8.0
    assert probe(written(CONTENT + free)).duration_seconds == 8.0
    with pytest.raises(NotAVideo, match="cut off"):
        probe(written(CONTENT + free[:-1]))


def test_damage_of_any_kind_has_one_name(written: Callable[[bytes], Path], tmp_path: Path) -> None:
    chance = random.Random(11)  # noqa: S311
    outcomes: set[str] = set()
    for _ in range(60):
        broken = bytearray(CONTENT)
        for _ in range(chance.randrange(1, 30)):
            broken[chance.randrange(0, MDAT + 500)] = chance.randrange(256)
        path = written(bytes(broken))
        for make in (probe, poster, lambda path: without_sound(path, tmp_path / "silent.mp4")):
            try:
                make(path)
                outcomes.add("a video")
            except NotAVideo:
                outcomes.add("none")

    assert outcomes == {"a video", "none"}


@pytest.mark.parametrize("make", [probe, poster, lambda path: without_sound(path, path.with_name("silent.mp4"))])
def test_a_missing_file_is_not_called_a_broken_one(tmp_path: Path, make: Callable[[Path], object]) -> None:
    with pytest.raises(FileNotFoundError):
        make(tmp_path / "gone.mp4")


@each_shipped
def test_the_sound_goes_and_the_picture_stays(video: MockVideo, tmp_path: Path) -> None:
    path, target = video.path, tmp_path / "silent.mp4"
    before = probe(path)

    without_sound(path, target)

    assert probe(target) == VideoProperties(
        duration_seconds=before.duration_seconds,
        size_bytes=target.stat().st_size,
        width=before.width,
        height=before.height,
        has_audio=False,
    )
    assert packets(target) == packets(path)
    content = target.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(target) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def packets(path: Path) -> list[tuple[float | None, bool, bytes]]:
    """Return the picture as it is encoded: a copy has the same bytes at the same times."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        assert stream.time_base
        return [
            (packet.pts and float(packet.pts * stream.time_base), packet.is_keyframe, bytes(packet))
            for packet in container.demux(stream)
        ]


def test_a_target_that_cannot_be_written_is_an_error_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        without_sound(WITH_SOUND, tmp_path / "no-such-folder" / "silent.mp4")


@each_shipped
def test_the_poster_is_a_picture_of_the_same_size(video: MockVideo) -> None:
    image = poster(video.path)

    assert (image.media_type, image.extension) == ("image/jpeg", "jpg")
    assert verified_image(image.data) == image
    with JpegImageFile(BytesIO(image.data)) as picture:
        assert picture.size == FRAME_SIZES[video.resolution, video.aspect_ratio]
        assert picture.mode == "RGB"


def test_the_poster_shows_the_video() -> None:
    """Mock videos have a dark corner at the left and a lighter one at the right."""
    with JpegImageFile(BytesIO(poster(WITH_SOUND).data)) as picture:
        left, right = picture.convert("L").getpixel((2, 2)), picture.convert("L").getpixel((1277, 700))

    assert isinstance(left, int)
    assert isinstance(right, int)
    assert left < 60 < right


def test_ffmpeg_says_nothing_about_broken_files(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(CONTENT[:MDAT] + box(b"mdat", bytes(len(CONTENT) - MDAT - 8)))
    program = (
        "import pathlib, sys; from media import video_properties, videos\n"
        "try: videos.probe(pathlib.Path(sys.argv[1]))\n"
        "except video_properties.NotAVideo: print('no video')"
    )

    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True, timeout=60)

    assert (done.stdout, done.stderr) == ("no video\n", "")


def test_a_file_that_has_long_been_as_it_is_is_opened_once(
    written: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = Mock(wraps=av.open)
    monkeypatch.setattr(av, "open", opening)
    new = [probe(written(CONTENT)) for _ in range(2)]
    path = written(CONTENT)
    os.utime(path, (0, 0))

    old, posters = [probe(path) for _ in range(2)], {poster(path) for _ in range(2)}

    assert new == old
    assert len(posters) == 1
    assert opening.call_count == 2 + 1 + 1

    written(CONTENT[:-1])
    os.utime(path, (0, 0))
    with pytest.raises(NotAVideo):
        probe(path)
