"""What goes over the wire: the legacy frontend's JSON, field for field (contract.md)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urljoin
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from db.looks import VideoInLook
from db.models import LogLevel, Look, Product, User, VideoJob, VideoJobLog, VideoJobStatus, Visibility
from resolvers import looks

_TRUTH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def _truth(value: object) -> object:
    """Read a form's boolean. Unknown words stay as they are and are refused: a typo must never start a paid job."""
    if isinstance(value, str):
        return _TRUTH.get(value.strip().lower(), [value])
    return value


FormBoolean = Annotated[bool, BeforeValidator(_truth)]


class Wire(BaseModel):
    """Base of the bodies: camelCase outside, snake_case inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class LogLineBody(Wire):
    """A line of a job's log."""

    timestamp: datetime
    level: LogLevel
    message: str


class AssociatedLookBody(Wire):
    """A look that shows the job's video."""

    id: UUID
    title: str | None
    generated_image_url: str


class VideoJobBody(Wire):
    """A video job."""

    id: UUID
    user_id: UUID
    prompt: str | None
    model: str
    resolution: str
    aspect_ratio: str
    duration_seconds: int
    generate_audio: bool
    mock_mode: bool
    status: VideoJobStatus
    status_message: str
    error_message: str | None = Field(description="Set exactly when FAILED")
    progress_percentage: int
    logs: list[LogLineBody]
    cloudinary_url: str | None = Field(description="Set exactly when SUCCEEDED")
    tokens_consumed: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime
    associated_looks: list[AssociatedLookBody]


class ProductBody(Wire):
    """A product in a look."""

    id: UUID
    sku: str | None
    name: str
    designer: str | None
    price: float | None
    product_url: str | None
    thumbnail_url: str | None
    created_at: datetime


class LookVideoBody(Wire):
    """A video in a look."""

    id: UUID
    status: VideoJobStatus
    cloudinary_url: str | None
    is_default: bool
    created_at: datetime
    progress_percentage: int


class SharedWithBody(Wire):
    """A user whom the look is shared with."""

    id: UUID
    email: str | None
    name: str | None


class LookBody(Wire):
    """A look with all that is in it."""

    id: UUID
    title: str | None
    notes: str | None
    generated_image_url: str
    products: list[ProductBody]
    visibility: Visibility
    shared_with: list[SharedWithBody]
    videos: list[LookVideoBody]
    default_thumbnail_type: Literal["image", "video"]
    default_thumbnail_url: str
    created_at: datetime
    updated_at: datetime


class RefusalBody(BaseModel):
    """Why a request was refused."""

    detail: str
    code: str = Field(description="Stable, for programs")


class InsufficientTokensDetail(Wire):
    """What an operation costs and what there is."""

    message: str
    cost: int
    available_tokens: int


class InsufficientTokensBody(BaseModel):
    """Why a request was not charged."""

    detail: InsufficientTokensDetail
    code: str


def video_job_body(job: VideoJob, logs: Sequence[VideoJobLog], in_looks: Sequence[Look], base_url: str) -> VideoJobBody:
    """Put a job together; stored paths of this site become URLs under `base_url`."""
    columns = {name: getattr(job, name) for name in VideoJobBody.model_fields if hasattr(job, name)}
    return VideoJobBody.model_validate(
        columns
        | {
            "cloudinary_url": job.cloudinary_url and urljoin(base_url, job.cloudinary_url),
            "logs": [LogLineBody.model_validate(line, from_attributes=True) for line in logs],
            "associated_looks": [_associated_look(look, base_url) for look in in_looks],
        }
    )


def look_body(
    look: Look,
    products: Sequence[Product],
    videos: Sequence[VideoInLook],
    shared_with: Sequence[User],
    base_url: str,
) -> LookBody:
    """Put a look together; stored paths of this site become URLs under `base_url`."""
    thumbnail = looks.thumbnail(look, videos)
    return LookBody(
        id=look.id,
        title=look.title,
        notes=look.notes,
        generated_image_url=urljoin(base_url, look.generated_image_url),
        products=[ProductBody.model_validate(product, from_attributes=True) for product in products],
        visibility=Visibility(look.visibility),
        shared_with=[SharedWithBody.model_validate(user, from_attributes=True) for user in shared_with],
        videos=[_look_video(video, base_url) for video in videos],
        default_thumbnail_type=thumbnail.type,
        default_thumbnail_url=urljoin(base_url, thumbnail.url),
        created_at=look.created_at,
        updated_at=look.updated_at,
    )


def _associated_look(look: Look, base_url: str) -> AssociatedLookBody:
    url = urljoin(base_url, look.generated_image_url)
    return AssociatedLookBody(id=look.id, title=look.title, generated_image_url=url)


def _look_video(video: VideoInLook, base_url: str) -> LookVideoBody:
    job = video.video_job
    return LookVideoBody(
        id=job.id,
        status=VideoJobStatus(job.status),
        cloudinary_url=job.cloudinary_url and urljoin(base_url, job.cloudinary_url),
        is_default=video.is_default,
        created_at=job.created_at,
        progress_percentage=job.progress_percentage,
    )
