"""A video that costs little to look at."""

from functools import cache
from io import BytesIO

import av

from providers.mock.videos import mock_video


@cache
def small_video() -> bytes:
    """Return 8 s with sound, of 64 by 36 pixels: to decode a frame of 1280 by 720 is most of a worker's work."""
    file = BytesIO()
    with (
        av.open(mock_video("720p", "16:9", 8, audio=True)) as source,
        av.open(file, "w", format="mp4") as container,
    ):
        picture = container.add_stream("mpeg4", rate=2)
        picture.width, picture.height, picture.pix_fmt = 64, 36, "yuv420p"
        sound = container.add_stream_from_template(source.streams.audio[0])
        for _ in range(16):
            container.mux(picture.encode(av.VideoFrame(64, 36, "yuv420p")))
        container.mux(picture.encode(None))
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = sound
                container.mux(packet)
    return file.getvalue()
