"""What a video's file is found to be. `media.videos` finds out, with FFmpeg, which takes a while to load."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VideoProperties:
    """What an MP4 was found to be; width and height are in pixels.

    `has_content_credentials` says that C2PA's box is there; nobody has verified what is in it.
    """

    duration_seconds: float
    size_bytes: int
    width: int
    height: int
    has_audio: bool
    has_content_credentials: bool = False


class NotAVideo(Exception):
    """The file is no MP4 that could be shown to anybody. The message is for a log."""
