"""Another provider in the first one's place: where the operator names one, and nothing was accepted for sure."""

from datetime import timedelta

from db import submission_pace
from db.engine.statements import Writer
from db.enums import ImageRole, LogLevel
from db.specification import values_of
from db.video_jobs import JobRow
from resolvers.generation import change
from resolvers.models import Catalogue, VideoModel, sent_to
from resolvers.ports import GenerationRequest
from resolvers.submission import NOT_SENT
from resolvers.video_job_input import JobImage, VideoJobInput


def fallback_for(catalogue: Catalogue, job: JobRow, request: GenerationRequest) -> VideoModel | None:
    """Return the model that is to make a job's video instead, if it can."""
    model = catalogue.fallback(job)
    if model is None:
        return None
    images = [
        (ImageRole.INITIAL, request.initial_image),
        (ImageRole.END, request.end_frame),
        *((ImageRole.REFERENCE, image) for image in request.reference_images),
    ]
    named = [JobImage(role, 0, "", image.media_type, "", "") for role, image in images if image]
    # What was accepted before needs no prompt beside the look's picture here, either.
    asked = VideoJobInput(**values_of(job) | {"model": model.id}, images=tuple(named), is_retry=True)
    takes_all = all(image.media_type in model.image_media_types for image in named)
    return model if takes_all and not any(asked.violations(catalogue)) else None


async def fall_back(writer: Writer, job: JobRow, model: VideoModel, reason: str, delay: timedelta) -> JobRow:
    """Note that a job goes to that model's provider, and once only; its own is left alone for a while."""
    first = sent_to(job)
    await submission_pace.block(writer, first, delay)
    return await change(
        writer,
        job,
        f"{first} did not accept the video ({reason}): {model.provider} makes it instead, with {model.id}",
        level=LogLevel.WARNING,
        fallback_model=model.id,
        **NOT_SENT,
    )
