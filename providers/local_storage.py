"""Videos on the local disk, for running without a Cloudinary account. The API serves the folder under `/media`."""

import asyncio
import shutil
from pathlib import Path
from uuid import UUID, uuid4

MEDIA_PATH = "/media"


class LocalStorage:
    """Keeps each video as `<video job id>.mp4` in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def store(self, video_job_id: UUID, video: Path) -> str:
        """Copy the file; return its path on this site, such as `/media/<id>.mp4`.

        A reader sees the whole file or none: the copy gets its name when it is complete.
        """
        target = self._folder / f"{video_job_id}.mp4"
        await asyncio.to_thread(_copy_whole, video, target)
        return f"{MEDIA_PATH}/{target.name}"


def _copy_whole(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        shutil.copyfile(source, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
