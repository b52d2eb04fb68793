"""Videos and images on the local disk, for running without a Cloudinary account.

The API serves the folder under `/media`.
"""

import asyncio
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

from media.images import Image
from media.video_properties import NotAVideo
from resolvers.ports import FileMissing, StorageRefused, StorageUnavailable, StoredVideo

MEDIA_PATH = "/media"

_FILE_NAME = re.compile(r"[A-Za-z0-9-]+\.(mp4|jpg|png|webp|gif)")
_PARTIAL_NAME = re.compile(r"\.[A-Za-z0-9-]+\.(mp4|jpg|png|webp|gif)\.[0-9a-f]{32}")

T = TypeVar("T")


class LocalStorage:
    """Keeps each video as `<video job id>.mp4` and each image under its name, all in one folder.

    A video's poster is `<video job id>-poster.jpg`. A reader sees a whole file or none: it gets its name when it is
    complete.

    `poster` makes a video's poster, in a thread; it raises `NotAVideo` or `OSError`.
    """

    def __init__(self, folder: Path, poster: Callable[[Path], Image]) -> None:
        self._folder = folder
        self._poster = poster

    async def store(self, video_job_id: UUID, video: Path) -> StoredVideo:
        """Copy the file, with its poster; return their paths on this site, such as `/media/<id>.mp4`.

        Raises:
            StorageUnavailable: the disk is full, or not ours to write
            StorageRefused: it is no video

        """
        target = self._folder / f"{video_job_id}.mp4"
        await _on_disk(lambda: _put_video(target, video, self._poster))
        return StoredVideo(f"{MEDIA_PATH}/{target.name}", f"{MEDIA_PATH}/{_poster_of(target).name}")

    def address_of_video(self, video_job_id: UUID) -> str:
        """Return the path on this site that the job's video has or will have."""
        return f"{MEDIA_PATH}/{video_job_id}.mp4"

    async def store_image(self, name: str, image: Image) -> str:
        """Write the image, in place of an earlier one; return its path on this site, such as `/media/<name>.png`.

        Raises:
            ValueError: the name has other characters than letters of ASCII, digits and hyphens, or none
            StorageUnavailable: the disk is full, or not ours to write

        """
        address = self.address_of_image(name, image.extension)
        target = self._folder / address.removeprefix(f"{MEDIA_PATH}/")
        await _on_disk(lambda: _put(target, lambda partial: partial.write_bytes(image.data)))
        return address

    def address_of_image(self, name: str, extension: str) -> str:
        """Return the path on this site that the image has or will have; raises `ValueError` as `store_image` does."""
        file_name = f"{name}.{extension}"
        if not _FILE_NAME.fullmatch(file_name):
            raise ValueError(f"Not a name for an image: {file_name!r}")
        return f"{MEDIA_PATH}/{file_name}"

    async def read_image(self, address: str) -> bytes:
        """Return the contents of a stored image; raises FileMissing, StorageUnavailable."""
        if not self.keeps(address):
            raise FileMissing(f"{address} is no address of the local storage")
        return await _on_disk(lambda: _read(self._path(address)))

    def keeps(self, address: str) -> bool:
        """Return whether it is a path of the kind that is returned here, whether there is such a file or not."""
        folder, _, file_name = address.rpartition("/")
        return folder == MEDIA_PATH and _FILE_NAME.fullmatch(file_name) is not None

    def as_download(self, address: str) -> str:
        """Return the path with the query that makes a browser save the file."""
        return f"{address}?download" if self.keeps(address) else address

    async def delete(self, address: str) -> None:
        """Remove the file behind a path that was returned here. Anything else is ignored, and so is a missing file.

        Raises StorageUnavailable.
        """
        if self.keeps(address):
            await _on_disk(lambda: _remove(self._path(address)))

    async def prune(self, older_than_seconds: float) -> None:
        """Remove what writes that never ended have left, unless it is younger; raises StorageUnavailable."""
        await _on_disk(lambda: _prune(self._folder, time.time() - older_than_seconds))

    def _path(self, address: str) -> Path:
        return self._folder / address.rpartition("/")[2]


async def _on_disk(work: Callable[[], T]) -> T:
    """Do it in a thread; whatever goes wrong with disks and permissions, an operator can mend."""
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise StorageUnavailable(f"The media folder cannot be used: {error}") from error


def _put_video(target: Path, video: Path, poster: Callable[[Path], Image]) -> None:
    """Write the poster first: where a video is found, its poster is there, too."""
    try:
        picture = poster(video)
    except NotAVideo as error:
        raise StorageRefused(f"The file is not a video that can be shown: {error}") from error
    _put(_poster_of(target), lambda partial: partial.write_bytes(picture.data))
    _put(target, lambda partial: shutil.copyfile(video, partial))


def _poster_of(video: Path) -> Path:
    return video.with_name(f"{video.stem}-poster.jpg")


def _put(target: Path, write: Callable[[Path], object]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        write(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise FileMissing(f"There is no file {path.name}") from error


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    if path.suffix == ".mp4":
        _poster_of(path).unlink(missing_ok=True)


def _prune(folder: Path, before: float) -> None:
    for path in folder.glob(".*"):
        with suppress(FileNotFoundError):  # somebody else's to remove
            if _PARTIAL_NAME.fullmatch(path.name) and path.stat().st_mtime < before:
                path.unlink()
