"""What storages are given to keep."""

from io import BytesIO

import PIL.Image

from media.images import Image, verified_image
from providers.mock.videos import mock_video

VIDEO = mock_video("720p", "16:9", 4, audio=True)
OTHER_VIDEO = mock_video("720p", "9:16", 4, audio=False)


def picture(shade: int = 0, kind: str = "PNG") -> Image:
    target = BytesIO()
    PIL.Image.new("L", (300, 300), shade).save(target, kind)
    return verified_image(target.getvalue())
