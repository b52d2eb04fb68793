"""Making a video once more: a new job of what an earlier one asked for, its images included while they are kept.

The new job gets copies of the images. So each file belongs to one job, whichever of them ends or is deleted first.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

from auth.caller import Caller
from db import look_videos, video_job_images
from db.engine.statements import Reader
from db.enums import ImageRole
from db.specification import values_of
from db.video_job_images import ImageRow
from db.video_jobs import VideoJobRow
from resolvers.errors import VideoJobDeleted, VideoJobImagesRemoved, VideoJobNotFound
from resolvers.idempotency import checked_key, digest_of, earlier
from resolvers.image_files import StoredImage
from resolvers.ports import Storage
from resolvers.services import Services
from resolvers.video_job_images import Uploads, stored
from resolvers.video_job_input import VideoJobInput
from resolvers.video_jobs import get


@asynccontextmanager
async def asked_again(
    services: Services, caller: Caller, job_id: UUID, *, idempotency_key: str | None, operation: str = "retry"
) -> AsyncIterator[VideoJobInput]:
    """Yield what a job of the caller's asked for, in the same look, for `video_job_creation.create`.

    Admins may ask for anybody's. `operation` is what the key is used for. Where it has
    been used for that before, nothing need be left of the job.

    Raises VideoJobNotFound, VideoJobImagesRemoved, ImagesNotStored, and whatever `create` raises.
    """
    reader = services.database.reader
    key, digest = checked_key(idempotency_key), digest_of(operation, job_id)
    like = partial(VideoJobInput, idempotency_key=key, fingerprint=digest, is_retry=True)
    if made := await _made_before(reader, caller, key, digest):
        yield like(**values_of(made))
        return
    job = await get(reader, caller, job_id)
    images = await video_job_images.of_job(reader, job.id)
    if images and len(await video_job_images.kept(reader, job.id)) < len(images):
        raise VideoJobImagesRemoved
    shown_in = await look_videos.looks_of_jobs(reader, [job.id])
    look_id = str(shown_in[0].id) if shown_in else None
    asked = like(**values_of(job), look_id=look_id)
    async with stored(services, caller, asked, _uploads(services.storage, images)) as request:
        yield request


async def _made_before(reader: Reader, caller: Caller, key: str | None, digest: str) -> VideoJobRow | None:
    """Return the job that the caller's key stands for; raises IdempotencyKeyReused, VideoJobDeleted."""
    known = await earlier(reader, caller, key, digest)
    if known is None or known.video_job_id is None:
        return None
    try:
        return await get(reader, caller, known.video_job_id)
    except VideoJobNotFound as error:
        raise VideoJobDeleted from error


def _uploads(storage: Storage, images: Sequence[ImageRow]) -> Uploads:
    gone = VideoJobImagesRemoved()
    files = {
        role: [StoredImage(storage, image.address, gone) for image in images if image.role == role]
        for role in ImageRole
    }
    first, end = (next(iter(files[role]), None) for role in (ImageRole.INITIAL, ImageRole.END))
    return Uploads(first, end, files[ImageRole.REFERENCE])
