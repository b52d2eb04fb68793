"""What goes over the wire: the legacy frontend's JSON, field for field (contract.md)."""

from collections.abc import Callable, Sized
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from db.tables import LogLevel, VideoJobStatus, Visibility
from resolvers.look_images import MOST_PRODUCTS, check_product_count
from resolvers.looks import MOST_SHARES, check_share_count
from rest_compat.meanings import MEANINGS

LONGEST_NUMBER = 40
_TRUTH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def _truth(value: object) -> object:
    """Read a form's boolean. Unknown words stay as they are and are refused: a typo must never start a paid job."""
    if isinstance(value, str):
        return _TRUTH.get(value.strip().lower(), [value])
    return value


FormBoolean = Annotated[bool, BeforeValidator(_truth)]


def _short(value: object) -> object:
    """Refuse a number that takes long to read."""
    if isinstance(value, str) and len(value) > LONGEST_NUMBER:
        # Of a `ValueError`, the traceback with the value in it would become a part of what is answered.
        raise PydanticCustomError("number_too_long", "A number has at most {most} characters", {"most": LONGEST_NUMBER})
    return value


def _counted(check: Callable[[Sized], None]) -> BeforeValidator:
    """Have a list counted by its rule, whose refusal is the answer, before anything looks at what is in it."""

    def counted(value: object) -> object:
        if isinstance(value, list):
            check(value)
        return value

    return BeforeValidator(counted)


class Wire(BaseModel):
    """Base of the bodies: camelCase outside, snake_case inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Describe the members that do not describe themselves."""
        for name, member in cls.model_fields.items():
            member.description = member.description or MEANINGS.get(name)
        cls.model_rebuild(force=True)


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
    progress_is_estimated: bool
    queue_position: int | None
    estimated_wait_seconds: int | None
    cloudinary_url: str | None
    thumbnail_url: str | None = Field(description="A still picture of the video; set exactly when SUCCEEDED")
    video_duration_seconds: float | None
    video_size_bytes: int | None
    video_width: int | None
    video_height: int | None
    tokens_consumed: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime
    associated_looks: list[AssociatedLookBody]


class VideoJobListItem(Wire):
    """A video job in a list; its prompt is cut to 150 characters."""

    id: UUID
    status: VideoJobStatus
    prompt: str | None
    model: str
    resolution: str
    aspect_ratio: str
    duration_seconds: int
    cloudinary_url: str | None
    thumbnail_url: str | None = Field(description="A still picture of the video; set exactly when SUCCEEDED")
    progress_percentage: int
    mock_mode: bool
    created_at: datetime
    updated_at: datetime
    associated_looks: list[AssociatedLookBody]


class VideoJobListBody(Wire):
    """A page of the caller's jobs."""

    jobs: list[VideoJobListItem]
    total: int
    skip: int
    limit: int


class VideoModelBody(Wire):
    """A model that can be asked for. What it can do holds for real videos; a mock video may have any form."""

    id: str = Field(description="What to send as `model`")
    upstream_id: str
    cost: int
    durations: dict[str, list[int]]
    aspect_ratios: list[str] = Field(description="`16:9`, `9:16`")
    end_frame: bool
    most_reference_images: int
    image_duration: int


class VideoModelListBody(Wire):
    """The models of this installation."""

    models: list[VideoModelBody]


class DefaultVideoBody(Wire):
    """Whether a video stands for a look."""

    message: str
    video_id: UUID
    look_id: UUID
    is_default: bool


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


class LookListBody(Wire):
    """A page of looks."""

    looks: list[LookBody]
    total: int
    skip: int
    limit: int


class NewProductBody(Wire):
    """A product of a look to be made."""

    sku: str | None = None
    name: str
    designer: str | None = None
    price: Annotated[Decimal | None, BeforeValidator(_short)] = None
    product_url: str | None = None
    thumbnail_base64: str = Field(alias="thumbnailBase64", description="Data URI or bare base64")


UserIds = Annotated[list[str], Field(max_length=MOST_SHARES), _counted(check_share_count)]


class NewLookBody(Wire):
    """A look to be made."""

    title: str | None = None
    notes: str | None = None
    generated_image_base64: str = Field(alias="generatedImageBase64", description="Data URI or bare base64")
    products: Annotated[list[NewProductBody], Field(max_length=MOST_PRODUCTS), _counted(check_product_count)]
    visibility: Visibility = Visibility.PRIVATE
    shared_with_user_ids: UserIds = Field(default_factory=list)


class LookChangesBody(Wire):
    """What to change of a look; what is left out stays."""

    title: str | None = None
    notes: str | None = None


class VisibilityBody(Wire):
    """Who may see a look."""

    visibility: Visibility
    shared_with_user_ids: UserIds = Field(default_factory=list)


class MigrationBody(Wire):
    """What the one-time migration did."""

    status: Literal["success", "already_migrated"]
    message: str


class RefusalBody(Wire):
    """Why a request was refused."""

    detail: str
    code: str
    request_id: str | None


class InsufficientTokensDetail(Wire):
    """What an operation costs and what there is."""

    message: str
    cost: int
    available_tokens: int


class InsufficientTokensBody(Wire):
    """Why a request was not charged."""

    detail: InsufficientTokensDetail
    code: str
    request_id: str | None
