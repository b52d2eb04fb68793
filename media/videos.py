"""Videos as files: what they are found to be, without sound, and their poster.

The content alone says what a file is. The functions here read and write files and wait for nothing else: an event loop
runs them in a thread.
"""

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TypeVar
from uuid import UUID

import av
from av.container import InputContainer, OutputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from media.images import Image
from media.video_properties import NotAVideo, VideoProperties

SHORTEST_SECONDS = 0.5
LONGEST_SECONDS = 60.0
SMALLEST_SIDE = 16
LARGEST_SIDE = 8192
# Of whole files that nobody has written to for so long, some are remembered: facts, or a poster of some 100 KB.
SETTLED_SECONDS = 60.0
MOST_REMEMBERED = 32

_POSTER_QUALITY = 85
_DISK_TROUBLE = (errno.ENOENT, errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SHORT_BOX_HEAD = 8
_LONG_BOX_HEAD = 16
# The kind of box that C2PA puts its manifests into (C2PA specification, 'Embedding manifests into BMFF-based assets').
_CONTENT_CREDENTIALS = UUID("d8fec3d6-1b0e-483c-9297-5828877ec481").bytes

Seen = TypeVar("Seen")

# FFmpeg tells stderr what it thinks of each broken file; what matters of that is in the errors.
av.logging.set_level(None)


def _remembered(look: Callable[[Path], Seen]) -> Callable[[Path], Seen]:
    """Look once at each file that has long been as it is, as the mock videos; at one that has just come, always."""

    @lru_cache(maxsize=MOST_REMEMBERED)
    def look_once(path: Path, *_identity: int) -> Seen:
        return look(path)

    @wraps(look)
    def seen(path: Path) -> Seen:
        now = path.stat()
        if time.time() - now.st_mtime < SETTLED_SECONDS:
            return look(path)
        return look_once(path, now.st_ino, now.st_size, now.st_mtime_ns)

    return seen


@_remembered
def probe(path: Path) -> VideoProperties:
    """Return what the video is, once the file is known to be a whole MP4 whose first frame can be shown.

    Raises:
        NotAVideo: of another format, cut off, without a picture, or of a strange size or duration
        OSError: the file cannot be read

    """
    size, has_content_credentials = check_outline(path)
    with _opened(path) as container:
        stream = _picture(container)
        _first_frame(container, stream)
        properties = VideoProperties(
            duration_seconds=_duration(container, stream),
            size_bytes=size,
            width=stream.width,
            height=stream.height,
            has_audio=bool(container.streams.audio),
            has_content_credentials=has_content_credentials,
        )
    return _sane(properties)


def check_outline(path: Path) -> tuple[int, bool]:
    """Check that a file is a whole MP4 by its outermost boxes (ISO/IEC 14496-12, section 4.2).

    FFmpeg alone would not do: it plays a file that was cut off for as long as it goes. Return the file's size in bytes,
    and whether it has content credentials. Raises NotAVideo, and OSError: the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        kinds = list(_boxes(file, size))
    for kind in (b"moov", b"mdat"):
        if kind not in kinds:
            raise NotAVideo(f"it has no {kind.decode()} box")
    return size, _CONTENT_CREDENTIALS in kinds


def without_sound(path: Path, target: Path) -> None:
    """Write the video without its sound, ready to be played while it loads; the picture is copied, not encoded again.

    After an error, a part of it may lie at `target`. Raises NotAVideo, and OSError: a file cannot be read or written.
    """
    with _opened(path) as source, av.open(target, "w", format="mp4", options={"movflags": "faststart"}) as silent:
        _copy_packets(source, _picture(source), silent)


@_remembered
def poster(path: Path) -> Image:
    """Return the video's first frame as a JPEG of the same size.

    Raises NotAVideo, and OSError: the file cannot be read.
    """
    with _opened(path) as container:
        frame = _first_frame(container, _picture(container))
        data = BytesIO()
        frame.to_image().save(data, "JPEG", quality=_POSTER_QUALITY)  # type: ignore[no-untyped-call]
    return Image(data.getvalue(), "image/jpeg", "jpg")


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    """Yield the MP4; what FFmpeg cannot make sense of is no video."""
    try:
        # Told the format, FFmpeg does not try others, such as play lists that name further files.
        with av.open(path, "r", format="mp4", metadata_errors="replace") as container:
            yield container
    except av.FFmpegError as error:
        if error.errno in _DISK_TROUBLE:
            raise OSError(error.errno, error.strerror) from error
        raise NotAVideo(f"FFmpeg cannot read it: {error.strerror}") from error
    except ValueError as error:  # from PyAV itself, such as for a codec that it does not know
        raise NotAVideo(f"PyAV cannot read it: {error}") from error


def _picture(container: InputContainer) -> VideoStream:
    """Return the stream that moves: cover pictures of music are video streams as well."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise NotAVideo("it has no video stream")


def _first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame:
    frame = next(container.decode(stream), None)
    if frame is None:
        raise NotAVideo("it has no frames")
    return frame


def _duration(container: InputContainer, stream: VideoStream) -> float:
    """Return the picture's duration in seconds; the whole file's where the stream does not tell."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def _sane(properties: VideoProperties) -> VideoProperties:
    if not SHORTEST_SECONDS < properties.duration_seconds < LONGEST_SECONDS:
        raise NotAVideo(f"it lasts {properties.duration_seconds:.3f} s")
    if not (
        min(properties.width, properties.height) >= SMALLEST_SIDE
        and max(properties.width, properties.height) <= LARGEST_SIDE
    ):
        raise NotAVideo(f"it is {properties.width}x{properties.height} pixels large")
    return properties


def _copy_packets(source: InputContainer, picture: VideoStream, target: OutputContainer) -> None:
    copied = target.add_stream_from_template(picture)
    for packet in source.demux(picture):
        if packet.dts is not None:  # the last one is empty: it tells a decoder to give out what it still holds
            packet.stream = copied
            target.mux(packet)


def _boxes(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the outermost boxes' kinds, such as `b"moov"`, or 16 bytes of their own; each box lies within the file."""
    position = 0
    while position == 0 or position < size:
        file.seek(position)
        head = file.read(_LONG_BOX_HEAD)
        kind = head[4:_SHORT_BOX_HEAD]
        if position == 0 and kind != b"ftyp":
            raise NotAVideo(f"it is {size} bytes that do not begin as an MP4 does")
        length = _box_length(head, size - position)
        if length > size - position:
            raise NotAVideo(f"it was cut off: a box {kind!r} needs {length} bytes, {size - position} are there")
        yield _own_kind(file, head, position) if kind == b"uuid" else kind
        position += length


def _own_kind(file: BinaryIO, head: bytes, position: int) -> bytes:
    """Return the name that a box of somebody's own kind has behind its head."""
    is_long = int.from_bytes(head[:4], "big") == 1
    file.seek(position + (_LONG_BOX_HEAD if is_long else _SHORT_BOX_HEAD))
    return file.read(len(_CONTENT_CREDENTIALS))


def _box_length(head: bytes, available: int) -> int:
    """Return how long a box is, its head included; `available` is how much of the file there is from its start on."""
    short = int.from_bytes(head[:4], "big")
    if short == 0:  # to the end of the file
        return available
    length, least = (int.from_bytes(head[8:], "big"), _LONG_BOX_HEAD) if short == 1 else (short, _SHORT_BOX_HEAD)
    if len(head) < least or length < least:
        raise NotAVideo("it was cut off, or its boxes are broken")
    return length
