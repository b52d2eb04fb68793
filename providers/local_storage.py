"""Videos and images on the local disk, for running without a Cloudinary account.

The API serves the folder under `/media`.
"""

import asyncio
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

from resolvers.images import Image

MEDIA_PATH = "/media"

_FILE_NAME = re.compile(r"[A-Za-z0-9-]+\.(mp4|jpg|png|webp|gif)")


class LocalStorage:
    """Keeps each video as `<video job id>.mp4` and each image under its name, all in one folder.

    A reader sees a whole file or none: it gets its name when it is complete.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def store(self, video_job_id: UUID, video: Path) -> str:
        """Copy the file; return its path on this site, such as `/media/<id>.mp4`."""
        target = self._folder / f"{video_job_id}.mp4"
        await asyncio.to_thread(_put, target, lambda partial: shutil.copyfile(video, partial))
        return f"{MEDIA_PATH}/{target.name}"

    async def store_image(self, name: str, image: Image) -> str:
        """Write the image, in place of an earlier one; return its path on this site, such as `/media/<name>.png`.

        Raises:
            ValueError: the name has other characters than letters of ASCII, digits and hyphens, or none

        """
        file_name = f"{name}.{image.extension}"
        if not _FILE_NAME.fullmatch(file_name):
            raise ValueError(f"Not a name for an image: {file_name!r}")
        await asyncio.to_thread(_put, self._folder / file_name, lambda partial: partial.write_bytes(image.data))
        return f"{MEDIA_PATH}/{file_name}"

    async def delete(self, url: str) -> None:
        """Remove the file behind a path that was returned here. Anything else is ignored, and so is a missing file."""
        folder, _, file_name = url.rpartition("/")
        if folder == MEDIA_PATH and _FILE_NAME.fullmatch(file_name):
            await asyncio.to_thread((self._folder / file_name).unlink, missing_ok=True)


def _put(target: Path, write: Callable[[Path], object]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        write(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
