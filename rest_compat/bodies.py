"""Rows to bodies. Stored paths of this site become URLs under the request's own base URL."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from db.look_videos import LookOfJob, VideoInLook
from db.looks import LookRow, ProductRow, SharedWith
from db.video_jobs import VideoJobRow
from resolvers import looks, video_jobs
from resolvers.limits import QueuePlace
from resolvers.video_jobs import ShownLine
from rest_compat.items import Item, Items
from rest_compat.look_wire import LookBody, LookVideoBody, ProductBody, SharedWithBody
from rest_compat.urls import ShowUrl
from rest_compat.wire import AssociatedLookBody, LogLineBody, VideoJobBody, VideoJobListItem

PROMPT_IN_LIST = 150

_PRODUCTS = Items(ProductBody, ProductRow, urls=["thumbnail_url"])
_SHARED_WITH = Items(SharedWithBody, SharedWith)
_VIDEOS = Items(LookVideoBody, VideoInLook, urls=["cloudinary_url"])
_LOOKS = Items(
    LookBody,
    LookRow,
    urls=["generated_image_url"],
    made=["products", "shared_with", "videos", "default_thumbnail_type", "default_thumbnail_url"],
)
_LOOKS_OF_JOB = Items(AssociatedLookBody, LookOfJob, urls=["generated_image_url"])
_JOBS = Items(VideoJobListItem, VideoJobRow, urls=["cloudinary_url", "thumbnail_url"], made=["associated_looks"])


def video_job_body(
    job: VideoJobRow, logs: Sequence[ShownLine], in_looks: Sequence[LookOfJob], place: QueuePlace | None, show: ShowUrl
) -> VideoJobBody:
    """Put a job together."""
    columns = {name: getattr(job, name) for name in VideoJobBody.model_fields if hasattr(job, name)}
    return VideoJobBody.model_validate(
        columns
        | {
            "cloudinary_url": job.cloudinary_url and show(job.cloudinary_url),
            "thumbnail_url": job.thumbnail_url and show(job.thumbnail_url),
            "queue_position": place and place.position,
            "estimated_wait_seconds": place and place.estimated_wait_seconds,
            "logs": [
                LogLineBody.model_validate(line, from_attributes=True) for line in video_jobs.logs_of_version(job, logs)
            ],
            "associated_looks": [_associated_look(look, show) for look in in_looks],
        }
    )


def video_job_list_items(
    jobs: Sequence[VideoJobRow], in_looks: Mapping[UUID, Sequence[LookOfJob]], show: ShowUrl
) -> list[Item]:
    """Return the items of a page of jobs."""
    return _JOBS.of(
        jobs,
        show,
        prompt=[job.prompt and job.prompt[:PROMPT_IN_LIST] for job in jobs],
        associated_looks=_LOOKS_OF_JOB.of_each([in_looks.get(job.id, ()) for job in jobs], show),
    )


def look_bodies(
    rows: Sequence[LookRow],
    products: Mapping[UUID, Sequence[ProductRow]],
    videos: Mapping[UUID, Sequence[VideoInLook]],
    shared_with: Mapping[UUID, Sequence[SharedWith]],
    show: ShowUrl,
) -> list[Item]:
    """Put looks together, given what belongs to each by its id."""
    ids = [look.id for look in rows]
    shown = [videos.get(id_, ()) for id_ in ids]
    thumbnails = [looks.thumbnail(look, found) for look, found in zip(rows, shown, strict=True)]
    return _LOOKS.of(
        rows,
        show,
        products=_PRODUCTS.of_each([products.get(id_, ()) for id_ in ids], show),
        shared_with=_SHARED_WITH.of_each([shared_with.get(id_, ()) for id_ in ids], show),
        videos=_VIDEOS.of_each(shown, show),
        default_thumbnail_type=[thumbnail.type for thumbnail in thumbnails],
        default_thumbnail_url=[show(thumbnail.url) for thumbnail in thumbnails],
    )


def _associated_look(look: LookOfJob, show: ShowUrl) -> AssociatedLookBody:
    url = show(look.generated_image_url)
    return AssociatedLookBody(id=look.id, title=look.title, generated_image_url=url)
