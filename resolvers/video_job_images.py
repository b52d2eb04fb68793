"""The images that a video is made from: checked by their content, and stored before the job is written.

A file is scheduled for removal before it is stored, and the transaction that writes the job takes that back. So a
refused request, a replayed one and a crash all leave no file behind, and no transaction is open while files travel.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import IO, NamedTuple, Protocol, runtime_checkable

from uuid_utils.compat import uuid7

from auth.caller import Caller
from db import file_removals
from db.enums import ImageRole
from media.images import LARGEST_IMAGE_BYTES, Image
from resolvers.errors import ImagesNotStored, InvalidInput
from resolvers.idempotency import checked_key, earlier
from resolvers.image_files import (
    StoredImage,
    fit_image,
    pictures_of_look,
    signed_media_type,
    stored_image,
    verify_image,
)
from resolvers.models import Catalogue, VideoModel
from resolvers.ports import Storage
from resolvers.services import Services
from resolvers.video_job_creation import check
from resolvers.video_job_input import JobImage, VideoJobInput, check_reference_image_count

# What is made fit for the model's generator where that does not take it; animations are none of a picture.
FORMATS = ("image/jpeg", "image/png", "image/webp", "image/avif")
# Images in memory at once, over all requests of the process: 20 MB each at most.
_room = asyncio.Semaphore(4)


@runtime_checkable
class Upload(Protocol):
    """A file of a multipart request, kept on disk by the framework once it is large. `size` is in bytes."""

    size: int | None

    async def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        ...

    async def seek(self, offset: int, /) -> None:
        """Go to a position."""
        ...


class _Part(NamedTuple):
    role: ImageRole
    position: int
    field: str
    upload: Upload


@dataclass(frozen=True)
class Uploads:
    """The files of one request, as a wire brought them: over GraphQL, any JSON may stand in their place."""

    initial_image: object = None
    end_frame: object = None
    reference_images: Sequence[object] = ()

    def with_look(self, initial: StoredImage | None, references: Sequence[StoredImage]) -> "Uploads":
        """Put the pictures of a look beside the files, references before theirs.

        Raises InvalidInput: there are two first frames.
        """
        images = (*references, *self.reference_images)
        if initial is None:
            return replace(self, reference_images=images)
        if any(part.role is ImageRole.INITIAL for part in self._parts()):
            raise InvalidInput("'useLookImage' as 'initial' stands in place of an 'initialImage'", field="useLookImage")
        return Uploads(initial, self.end_frame, images)

    def parts(self) -> list[_Part]:
        """Return what was really uploaded.

        Raises InvalidInput: what stands in a file's place is none, or there are too many reference images.
        """
        parts = list(self._parts())
        # The rule is one of those of the whole request, too; but that is looked at once all files have been read.
        check_reference_image_count([part for part in parts if part.role is ImageRole.REFERENCE])
        return parts

    def _parts(self) -> Iterator[_Part]:
        candidates = [
            (ImageRole.INITIAL, "initialImage", self.initial_image),
            (ImageRole.END, "endFrame", self.end_frame),
            *(
                (ImageRole.REFERENCE, f"referenceImages.{number}", upload)
                for number, upload in enumerate(self.reference_images)
            ),
        ]
        for position, (role, field, upload) in enumerate(candidates):
            if upload is None:
                continue
            if not isinstance(upload, Upload):
                raise InvalidInput(f"{field} must be an uploaded file", field=field)
            yield _Part(role, position, field, upload)


@asynccontextmanager
async def stored(
    services: Services, caller: Caller, asked: VideoJobInput, uploads: Uploads
) -> AsyncIterator[VideoJobInput]:
    """Yield the request with its images in the storage, for `video_job_creation.create` to make them a job's.

    What that does not happen to is removed again. A request that would be refused is refused before anything is stored.

    Raises:
        InvalidInput: a file is none of the accepted images, or too large
        ImagesNotStored
        whatever `video_job_creation.create` raises

    """
    if asked.normalised().uses_look:
        digest = (await fingerprinted(asked, uploads)).normalised().digest()
        asked = replace(asked, fingerprint=digest)
        if await earlier(services.database.reader, caller, checked_key(asked.idempotency_key), digest):
            yield asked
            return
    uploads = await with_pictures_of_look(services, caller, asked, uploads)
    parts = uploads.parts()
    if not parts:
        yield asked
        return
    request = (await fingerprinted(asked, uploads)).normalised()
    if await _is_replay(services, caller, request):
        yield request
        return
    with ExitStack() as files:
        model = _model(asked, services.catalogue)
        fit = [await _fit_file(part, model, files) for part in parts]
        request = replace(asked, images=tuple(image for image, _ in fit)).normalised()
        scheduled = await _schedule(services, caller, request)
        try:
            yield replace(request, images=await _put(services.storage, fit, scheduled)) if scheduled else request
        finally:
            if scheduled:
                async with services.database.transaction() as transaction:
                    await file_removals.expedite(transaction, scheduled)


async def with_pictures_of_look(services: Services, caller: Caller, asked: VideoJobInput, uploads: Uploads) -> Uploads:
    """Return the files together with what is asked for of the look; raises InvalidInput, InvalidLook."""
    if not asked.normalised().uses_look:
        return uploads
    return uploads.with_look(
        *await pictures_of_look(services.database, services.storage, services.catalogue, caller, asked)
    )


async def fingerprinted(asked: VideoJobInput, uploads: Uploads) -> VideoJobInput:
    """Return the request with its images named by what was sent, of which just the first bytes have been looked at.

    Raises InvalidInput.
    """
    return replace(asked, images=tuple([await _fingerprinted(part) for part in uploads.parts()]))


async def inspected(asked: VideoJobInput, uploads: Uploads, catalogue: Catalogue) -> VideoJobInput:
    """Return the request with its images decoded and named, not stored; raises InvalidInput."""
    model = _model(asked, catalogue)
    return replace(asked, images=tuple([(await _fit(part, model))[0] for part in uploads.parts()]))


def _model(asked: VideoJobInput, catalogue: Catalogue) -> VideoModel:
    return catalogue.made_as(asked.normalised().model, mock_mode=asked.mock_mode)


async def _is_replay(services: Services, caller: Caller, request: VideoJobInput) -> bool:
    """Check everything but what is inside of the files: who is refused anyway has none of them decoded or redrawn."""
    async with services.database.transaction() as transaction:
        *_, replay = await check(transaction, caller, request, services.catalogue)
        return replay is not None


async def _fingerprinted(part: _Part) -> JobImage:
    """Return what a file is for, and the SHA-256 of what was sent; of its contents just the first bytes are read."""
    async with _room:
        data = await _data(part)
        media_type = signed_media_type(data, field=part.field, formats=FORMATS)
        digest = await asyncio.to_thread(hashlib.sha256, data)
    return JobImage(part.role, part.position, digest.hexdigest(), media_type, "", "", size_bytes=len(data))


async def _fit_file(part: _Part, model: VideoModel, files: ExitStack) -> tuple[JobImage, IO[bytes]]:
    """Return an image's name and a file with its contents as they are to be stored: made once, and not in memory."""
    async with _room:
        image, data = await _fit(part, model)
        return image, files.enter_context(await asyncio.to_thread(_file_of, data))


def _file_of(data: bytes) -> IO[bytes]:
    try:
        with ExitStack() as files:
            file = files.enter_context(tempfile.TemporaryFile())
            file.write(data)
            file.flush()
            files.pop_all()  # whoever asked for it closes it
            return file
    except OSError as error:
        raise ImagesNotStored from error


async def _fit(part: _Part, model: VideoModel) -> tuple[JobImage, bytes]:
    """Check a file and make it fit for the generator; its SHA-256 is that of what was sent."""
    sent = await verify_image(await _data(part), field=part.field, formats=FORMATS)
    digest = await asyncio.to_thread(hashlib.sha256, sent.data)
    image = await fit_image(sent, model.image_media_types, field=part.field, formats=FORMATS)
    named = JobImage(
        role=part.role,
        position=part.position,
        sha256=digest.hexdigest(),
        media_type=image.media_type,
        extension=image.extension,
        name=f"{uuid7()}-{part.field.replace('.', '-')}",
        size_bytes=len(image.data),
    )
    return named, image.data


async def _data(part: _Part) -> bytes:
    if part.upload.size is not None and part.upload.size > LARGEST_IMAGE_BYTES:
        raise InvalidInput(f"{part.field} is larger than {LARGEST_IMAGE_BYTES // 1024**2} MB", field=part.field)
    await part.upload.seek(0)
    return await part.upload.read()


async def _schedule(services: Services, caller: Caller, request: VideoJobInput) -> list[str]:
    """Check everything and schedule the removal of what is about to be stored; nothing for a replayed request."""
    async with services.database.transaction() as transaction:
        *_, replay = await check(transaction, caller, request, services.catalogue)
        if replay is not None:
            return []
        addresses = [services.storage.address_of_image(image.name, image.extension) for image in request.images]
        await file_removals.schedule_unless_owned(transaction, addresses)
        return addresses


async def _put(
    storage: Storage, fit: Sequence[tuple[JobImage, IO[bytes]]], scheduled: Sequence[str]
) -> tuple[JobImage, ...]:
    """Store images under the names that they were given."""
    kept = []
    for (named, file), removal in zip(fit, scheduled, strict=True):
        async with _room:
            image = Image(await asyncio.to_thread(_contents, file), named.media_type, named.extension)
            address = await stored_image(storage, named.name, image)
        kept.append(replace(named, address=address, removal_address=removal))
    return tuple(kept)


def _contents(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
