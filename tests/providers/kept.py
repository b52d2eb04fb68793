"""What storages are given to keep."""

from io import BytesIO

import PIL.Image

from providers.mock_videos import mock_video
from resolvers.images import Image, checked_image

VIDEO = mock_video("720p", "16:9", 4, audio=True)
OTHER_VIDEO = mock_video("720p", "9:16", 4, audio=False)


def picture(shade: int = 0, kind: str = "PNG") -> Image:
    target = BytesIO()
    PIL.Image.new("L", (300, 300), shade).save(target, kind)
    return checked_image(target.getvalue(), field="image")
