"""From a finished generation to a stored video."""

import asyncio
import logging
from functools import partial
from pathlib import Path
from uuid import uuid4

from db.enums import ContentCredentials
from media import videos
from media.video_properties import NotAVideo, VideoProperties
from resolvers import generation
from resolvers.generation import KeptVideo
from resolvers.generation_costs import cost_of
from resolvers.ports import Generated, GenerationFailed, StorageRefused, StorageUnavailable, StoredVideo
from worker import measures
from worker.run import Later, Run

logger = logging.getLogger("lookreel.worker")


async def keep(run: Run, generated: Generated) -> None:
    """Check the video, take its sound away where none was asked for, store it, and end the job with it.

    Raises:
        GenerationFailed: it is no video, or the storage will not have it.
        Later: the storage cannot be reached; the operation at the generator still has the video.
        HandedOver, Superseded, DatabaseUnavailable

    """
    silent = run.context.scratch / f"{run.job.id}-{uuid4().hex}.mp4"
    try:
        async with run.context.storing_room:
            await _store(run, *await _prepared(run, generated.video, silent), generated)
    finally:
        leftovers = [silent, *([generated.video] if generated.is_temporary else [])]
        await asyncio.to_thread(_remove, leftovers)


async def _prepared(run: Run, video: Path, silent: Path) -> tuple[Path, VideoProperties, ContentCredentials]:
    """Return what is to be stored, and what has become of the generator's signature."""
    try:
        properties = await asyncio.to_thread(videos.probe, video)
        was_signed = properties.has_content_credentials
        if properties.has_audio and not run.job.generate_audio:
            await asyncio.to_thread(_silence, video, silent)
            video, properties = silent, await asyncio.to_thread(videos.probe, silent)
    except NotAVideo as error:
        logger.exception("The generator's result for video job %s is no video", run.job.id)
        raise GenerationFailed(
            "INVALID_RESULT", "The generator returned something that is no video. Please create a new one."
        ) from error
    except OSError as trouble:
        logger.warning("The scratch folder fails for video job %s: %s", run.job.id, trouble)
        raise await _given_up_for_now(run) from trouble
    if properties.has_content_credentials:
        return video, properties, ContentCredentials.PRESENT
    return video, properties, ContentCredentials.REMOVED if was_signed else ContentCredentials.NONE


def _silence(video: Path, silent: Path) -> None:
    silent.parent.mkdir(parents=True, exist_ok=True)
    videos.without_sound(video, silent)


async def _store(
    run: Run, video: Path, properties: VideoProperties, credentials: ContentCredentials, generated: Generated
) -> None:
    address = run.context.storage.address_of_video(run.job.id)
    await run.advance(partial(generation.begin_storing, address=address), one_statement=True)
    stored = await _stored(run, video)
    cost = cost_of(run.context.catalogue.policy, run.job, properties.duration_seconds, generated.tokens)
    kept = KeptVideo(stored, properties, address, credentials, cost, generated.warnings)
    # Nothing is written then but the job's end.
    is_one_statement = cost is None and not generated.warnings
    await run.advance(partial(generation.succeed, video=kept), one_statement=is_one_statement)
    measures.ended(run.job)


async def _stored(run: Run, video: Path) -> StoredVideo:
    context = run.context
    for failures in range(1, context.retry_policy.store_tries + 1):
        try:
            return await context.unless_stopping(lambda: context.storage.store(run.job.id, video))
        except StorageRefused as refusal:
            message = f"The storage did not accept the video: {refusal}"
            raise GenerationFailed("STORAGE_REFUSED", message) from refusal
        except StorageUnavailable as trouble:
            logger.warning("Video job %s could not be stored: %s", run.job.id, trouble)
            await context.pause(context.retry_policy.retry_seconds(failures))
    raise await _given_up_for_now(run)


async def _given_up_for_now(run: Run) -> Later:
    """Return when it is to be tried again.

    Raises GenerationFailed: it was tried for long enough.
    """
    faults = await run.note_fault("The video could not be stored yet, trying again")
    if faults > run.context.retry_policy.most_store_faults:
        raise GenerationFailed(
            "STORAGE_UNAVAILABLE", "The video was made, but could not be stored. Please create a new one."
        )
    return Later(run.context.retry_policy.retry_seconds(faults), "the storage cannot be reached")


def _remove(files: list[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
