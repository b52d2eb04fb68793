"""Rows to bodies. Stored paths of this site become URLs under the request's own base URL."""

from collections.abc import Sequence

from db.look_videos import LookOfJob, VideoInLook
from db.looks import LookRow, ProductRow, SharedWith
from db.tables import VideoJobStatus, Visibility
from db.video_jobs import VideoJobRow
from resolvers import looks, video_jobs
from resolvers.queue_places import QueuePlace
from resolvers.video_jobs import ShownLine
from rest_compat.look_wire import LookBody, LookVideoBody, ProductBody, SharedWithBody
from rest_compat.urls import shown_url
from rest_compat.wire import AssociatedLookBody, LogLineBody, VideoJobBody, VideoJobListItem

PROMPT_IN_LIST = 150


def video_job_body(
    job: VideoJobRow, logs: Sequence[ShownLine], in_looks: Sequence[LookOfJob], place: QueuePlace | None, base_url: str
) -> VideoJobBody:
    """Put a job together."""
    columns = {name: getattr(job, name) for name in VideoJobBody.model_fields if hasattr(job, name)}
    return VideoJobBody.model_validate(
        columns
        | {
            "cloudinary_url": job.cloudinary_url and shown_url(base_url, job.cloudinary_url),
            "thumbnail_url": job.thumbnail_url and shown_url(base_url, job.thumbnail_url),
            "queue_position": place and place.position,
            "estimated_wait_seconds": place and place.estimated_wait_seconds,
            "logs": [
                LogLineBody.model_validate(line, from_attributes=True) for line in video_jobs.logs_of_version(job, logs)
            ],
            "associated_looks": [_associated_look(look, base_url) for look in in_looks],
        }
    )


def video_job_list_item(job: VideoJobRow, in_looks: Sequence[LookOfJob], base_url: str) -> VideoJobListItem:
    """Put a job of a list together."""
    columns = {name: getattr(job, name) for name in VideoJobListItem.model_fields if hasattr(job, name)}
    return VideoJobListItem.model_validate(
        columns
        | {
            "prompt": job.prompt and job.prompt[:PROMPT_IN_LIST],
            "cloudinary_url": job.cloudinary_url and shown_url(base_url, job.cloudinary_url),
            "thumbnail_url": job.thumbnail_url and shown_url(base_url, job.thumbnail_url),
            "associated_looks": [_associated_look(look, base_url) for look in in_looks],
        }
    )


def look_body(
    look: LookRow,
    products: Sequence[ProductRow],
    videos: Sequence[VideoInLook],
    shared_with: Sequence[SharedWith],
    base_url: str,
) -> LookBody:
    """Put a look together."""
    thumbnail = looks.thumbnail(look, videos)
    return LookBody(
        id=look.id,
        title=look.title,
        notes=look.notes,
        generated_image_url=shown_url(base_url, look.generated_image_url),
        products=[_product(product, base_url) for product in products],
        visibility=Visibility(look.visibility),
        shared_with=[SharedWithBody.model_validate(user, from_attributes=True) for user in shared_with],
        videos=[_look_video(video, base_url) for video in videos],
        default_thumbnail_type=thumbnail.type,
        default_thumbnail_url=shown_url(base_url, thumbnail.url),
        created_at=look.created_at,
        updated_at=look.updated_at,
    )


def _associated_look(look: LookOfJob, base_url: str) -> AssociatedLookBody:
    url = shown_url(base_url, look.generated_image_url)
    return AssociatedLookBody(id=look.id, title=look.title, generated_image_url=url)


def _look_video(video: VideoInLook, base_url: str) -> LookVideoBody:
    return LookVideoBody(
        id=video.id,
        status=VideoJobStatus(video.status),
        cloudinary_url=video.cloudinary_url and shown_url(base_url, video.cloudinary_url),
        is_default=video.is_default,
        created_at=video.created_at,
        progress_percentage=video.progress_percentage,
    )


def _product(product: ProductRow, base_url: str) -> ProductBody:
    body = ProductBody.model_validate(product, from_attributes=True)
    body.thumbnail_url = product.thumbnail_url and shown_url(base_url, product.thumbnail_url)
    return body
