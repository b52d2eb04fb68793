"""The playable MP4 files that mock mode hands out: one for each resolution, aspect ratio, duration and audio choice.

`tests/mock_videos.py` has rendered them.
"""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent

FRAME_SIZES: Final = {
    ("720p", "16:9"): (1280, 720),
    ("720p", "9:16"): (720, 1280),
    ("1080p", "16:9"): (1920, 1080),
    ("1080p", "9:16"): (1080, 1920),
}
"""Width and height in pixels, by resolution and aspect ratio."""

DURATIONS_SECONDS: Final = (4, 8)


class NoSuchMockVideo(LookupError):
    """No file is shipped for this combination of resolution, aspect ratio and duration."""


def mock_video(resolution: str, aspect_ratio: str, duration_seconds: int, *, audio: bool) -> Path:
    """Return the path of the shipped file, such as for `mock_video("720p", "16:9", 8, audio=True)`.

    Raises NoSuchMockVideo for any other combination: a caller's text never becomes part of a path unless it is known.
    """
    if (resolution, aspect_ratio) not in FRAME_SIZES or duration_seconds not in DURATIONS_SECONDS:
        raise NoSuchMockVideo(f"there is no mock video of {resolution}, {aspect_ratio}, {duration_seconds} s")
    sound = "audio" if audio else "silent"
    return FOLDER / f"{resolution}-{aspect_ratio.replace(':', 'x')}-{duration_seconds}s-{sound}.mp4"
