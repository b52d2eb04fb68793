"""What goes over the wire of looks (contract.md, 'Looks')."""

from collections.abc import Callable, Sized
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from db.enums import ContentCredentials, VideoJobStatus, Visibility
from db.look_videos import VideoInLook
from db.looks import LookRow, ProductRow, SharedWith
from db.specification import declares
from resolvers.look_images import MOST_PRODUCTS, check_product_count
from resolvers.looks import MOST_SHARES, check_share_count
from rest_compat.wire import PLAIN, Asked, Sent, Wire

LONGEST_NUMBER = 40
LEGACY_VIDEO = {"id", "status", "cloudinary_url", "is_default", "created_at", "progress_percentage"}


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


@declares(ProductRow, hidden={"look_id"})
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


# The legacy frontend's members and no more (contract.md, 'Looks').
@declares(VideoInLook, hidden=set(VideoInLook.columns()) - LEGACY_VIDEO)
class LookVideoBody(Wire):
    """A video in a look."""

    id: UUID
    status: VideoJobStatus
    cloudinary_url: str | None
    is_default: bool
    created_at: datetime
    progress_percentage: int
    ai_generated: Literal[True] = True
    content_credentials: ContentCredentials | None


@declares(SharedWith, hidden={"look_id"})
class SharedWithBody(Wire):
    """A user whom the look is shared with."""

    id: UUID
    email: str | None
    name: str | None


@declares(LookRow, hidden={"user_id"})
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


class NewProductBody(Asked):
    """A product of a look to be made."""

    sku: str | None = None
    name: str
    designer: str | None = None
    price: Annotated[Decimal | None, PLAIN, BeforeValidator(_short)] = None
    product_url: str | None = None
    thumbnail_base64: str = Field(alias="thumbnailBase64", description="Data URI or bare base64")


UserIds = Annotated[list[str], Field(max_length=MOST_SHARES), _counted(check_share_count)]


class NewLookBody(Asked):
    """A look to be made."""

    title: str | None = None
    notes: str | None = None
    generated_image_base64: str = Field(alias="generatedImageBase64", description="Data URI or bare base64")
    products: Annotated[list[NewProductBody], Field(max_length=MOST_PRODUCTS), _counted(check_product_count)]
    visibility: Visibility = Visibility.PRIVATE
    shared_with_user_ids: UserIds = Field(default_factory=list)


class LookChangesBody(Sent):
    """What to change of a look; what is left out stays."""

    title: str | None = None
    notes: str | None = None


class VisibilityBody(Sent):
    """Who may see a look."""

    visibility: Visibility
    shared_with_user_ids: UserIds = Field(default_factory=list)
