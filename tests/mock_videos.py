"""The shipped mock videos, and rendering them again: `python -m tests.mock_videos`.

Needs an ffmpeg with libx264 and drawtext, and a sans-serif font that fontconfig finds.
The same ffmpeg and font give the same bytes.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

from providers.mock.videos import DURATIONS_SECONDS, FRAME_SIZES, mock_video

FRAMES_PER_SECOND: Final = 24

GRADIENT: Final = ("0x2b1b3d", "0x8c4a6b")
INK: Final = "0xf6ede4"
ACCENT: Final = "0xe8a87c"


@dataclass(frozen=True)
class MockVideo:
    resolution: str
    aspect_ratio: str
    duration_seconds: int
    audio: bool

    @property
    def path(self) -> Path:
        return mock_video(self.resolution, self.aspect_ratio, self.duration_seconds, audio=self.audio)


SHIPPED: Final = tuple(
    MockVideo(resolution, aspect_ratio, seconds, audio)
    for (resolution, aspect_ratio), seconds, audio in product(FRAME_SIZES, DURATIONS_SECONDS, (True, False))
)


class RenderError(RuntimeError):
    """A file could not be rendered; the message is one sentence, followed by ffmpeg's own words where it ran."""


def find_ffmpeg() -> str:
    """Return the path of ffmpeg; raises `RenderError` when it is not on PATH."""
    path = shutil.which("ffmpeg")
    if path is None:
        raise RenderError("ffmpeg is needed to render the mock videos; install it with your package manager")
    return path


def source(description: str) -> list[str]:
    """Return the arguments that add one generated input."""
    return ["-f", "lavfi", "-i", description]


def inputs(video: MockVideo) -> list[str]:
    """Return the arguments for background (0), progress bar (1), swinging tile (2) and, with audio, tone (3)."""
    width, height = FRAME_SIZES[video.resolution, video.aspect_ratio]
    unit = min(width, height) // 36
    first, last = GRADIENT
    # Fixed end points and seed: left out, the filter picks them at random.
    corners = f"x0=0:y0=0:x1={width - 1}:y1={height - 1}:seed=1"
    arguments = [
        *source(f"gradients=s={width}x{height}:r={FRAMES_PER_SECOND}:n=2:c0={first}:c1={last}:{corners}"),
        *source(f"color=c={ACCENT}:s={width}x{unit}:r={FRAMES_PER_SECOND}"),
        *source(f"color=c={INK}:s={unit * 3}x{unit * 3}:r={FRAMES_PER_SECOND}"),
    ]
    if video.audio:
        # Turned down, so that a file opened with headphones on startles no one.
        arguments += source(f"sine=frequency=330:sample_rate=48000:duration={video.duration_seconds},volume=0.3")
    return arguments


def caption(text: str, size: int, y: str) -> str:
    """Return the filter that writes one centred line; `size` in pixels, `y` an ffmpeg expression."""
    # A colon ends an option's value, so it is escaped once for the option and once for the filter graph.
    escaped = text.replace(":", r"\\:")
    return f"drawtext=font=Sans:text={escaped}:fontsize={size}:fontcolor={INK}:x=(w-text_w)/2:y={y}"


def picture(video: MockVideo) -> str:
    """Return the filter graph: two lines of text, a tile that swings below them, a bar that fills as time passes.

    The background and the text are drawn once and repeated, so that only what moves costs bytes.
    """
    unit = min(FRAME_SIZES[video.resolution, video.aspect_ratio]) // 36
    seconds = video.duration_seconds
    facts = f"{video.resolution}  {video.aspect_ratio}  {seconds} s"
    title = caption("Lookreel mock", unit * 3, f"h/2-{unit * 6}")
    subtitle = caption(facts, unit * 2, f"h/2-{unit * 2}")
    swing = f"x=(W-w)/2+{unit * 10}*sin(PI*t):y=H/2+{unit * 3}"
    return (
        f"[0:v]trim=end_frame=1,{title},{subtitle},loop=loop=-1:size=1[card];"
        f"[card][1:v]overlay=x=W*(t/{seconds}-1):y=H-h[timed];"
        f"[timed][2:v]overlay={swing},format=yuv420p[picture]"
    )


def encoding(video: MockVideo) -> list[str]:
    """Return the arguments for the streams and the container, free of anything that differs between two runs."""
    arguments = [
        *("-map", "[picture]", "-c:v", "libx264", "-profile:v", "high", "-preset", "slow", "-crf", "28"),
        # The encoder's decisions depend on how many threads share the work, so the number is fixed.
        *("-threads", "1", "-flags:v", "+bitexact"),
    ]
    if video.audio:
        arguments += ["-map", "3:a", "-c:a", "aac", "-ac", "1", "-b:a", "16k", "-flags:a", "+bitexact"]
    # A time and not a number of frames: a frame limit ends the whole file at once, with the sound still behind.
    arguments += ["-t", str(video.duration_seconds)]
    return [*arguments, "-map_metadata", "-1", "-fflags", "+bitexact", "-movflags", "+faststart", "-f", "mp4"]


def render(ffmpeg: str, video: MockVideo) -> int:
    """Write one file and return its size in bytes; raises `RenderError` when ffmpeg fails."""
    target = video.path
    # Written beside and moved over: an interrupted run leaves no half file under a shipped name.
    partial = target.with_suffix(".partial")
    start = [ffmpeg, "-nostdin", "-loglevel", "error", "-y"]
    command = [*start, *inputs(video), "-filter_complex", picture(video), *encoding(video), str(partial)]
    # Every part of the command is made in this file; none comes from a user.
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        partial.unlink(missing_ok=True)
        raise RenderError(f"ffmpeg could not render {target.name}\n{done.stderr.strip()}")
    partial.replace(target)
    return target.stat().st_size


def main() -> None:
    """Render every shipped combination, one line of output each; leaves with a sentence and status 1 on failure."""
    try:
        ffmpeg = find_ffmpeg()
        for video in SHIPPED:
            sys.stdout.write(f"{video.path.name}: {render(ffmpeg, video)} bytes\n")
    except RenderError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
