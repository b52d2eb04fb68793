"""The playable MP4 files that mock mode hands out: one for each resolution, aspect ratio, duration and audio choice."""

from dataclasses import dataclass
from itertools import product
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

    def __init__(self, video: "MockVideo") -> None:
        super().__init__(
            f"there is no mock video of {video.resolution}, {video.aspect_ratio}, {video.duration_seconds} s"
        )


@dataclass(frozen=True, slots=True)
class MockVideo:
    """One combination, shipped or not; `SHIPPED` says which are."""

    resolution: str
    aspect_ratio: str
    duration_seconds: int
    audio: bool

    @property
    def file_name(self) -> str:
        """The name inside `FOLDER`, such as `720p-16x9-8s-audio.mp4`."""
        ratio = self.aspect_ratio.replace(":", "x")
        sound = "audio" if self.audio else "silent"
        return f"{self.resolution}-{ratio}-{self.duration_seconds}s-{sound}.mp4"


SHIPPED: Final = tuple(
    MockVideo(resolution, aspect_ratio, seconds, audio)
    for (resolution, aspect_ratio), seconds, audio in product(FRAME_SIZES, DURATIONS_SECONDS, (True, False))
)


def mock_video(resolution: str, aspect_ratio: str, duration_seconds: int, *, audio: bool) -> Path:
    """Return the path of the shipped file, such as for `mock_video("720p", "16:9", 8, audio=True)`.

    Raises `NoSuchMockVideo` when the combination is not one of `SHIPPED`.
    """
    video = MockVideo(resolution, aspect_ratio, duration_seconds, audio)
    # Asked of the list, not of the disk: a caller's text never becomes part of a path unless it is a known one.
    if video not in SHIPPED:
        raise NoSuchMockVideo(video)
    return FOLDER / video.file_name
