"""Looks, and what is in them: who may see which, and which thumbnail stands for a look."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Literal
from uuid import UUID

from uuid_utils.compat import uuid7

from auth.caller import Caller
from db import looks
from db.looks import VideoInLook
from db.models import Look, Product, User, VideoJobStatus
from db.pages import Page, Position
from db.session import Session
from resolvers.errors import LookNotFound
from resolvers.grouping import grouped


@dataclass(frozen=True)
class NewProduct:
    """A product of a look to be made; `price` in the shop's currency."""

    name: str
    sku: str | None = None
    designer: str | None = None
    price: Decimal | None = None
    product_url: str | None = None
    thumbnail_url: str | None = None


@dataclass(frozen=True)
class NewLook:
    """A look to be made; its images are stored already."""

    generated_image_url: str
    products: Sequence[NewProduct]
    title: str | None = None
    notes: str | None = None


@dataclass(frozen=True)
class Thumbnail:
    """What stands for a look in a list; `url` is as stored."""

    type: Literal["image", "video"]
    url: str


async def get(session: Session, caller: Caller, look_id: UUID) -> Look:
    """Read a look for its owner, whoever it is shared with, anyone where it is public, and admins.

    Raises:
        LookNotFound

    """
    look = await looks.get_visible(session, look_id, caller.user_id, to_admin=caller.is_admin)
    if look is None:
        raise LookNotFound
    return look


async def create(session: Session, caller: Caller, new: NewLook) -> Look:
    """Write a private look of the caller's with its products in the given order."""
    look = Look(
        id=uuid7(),
        user_id=caller.user_id,
        title=new.title,
        notes=new.notes,
        generated_image_url=new.generated_image_url,
    )
    await looks.add(
        session,
        look,
        [
            Product(id=uuid7(), look_id=look.id, position=position, **asdict(product))
            for position, product in enumerate(new.products)
        ],
    )
    return look


async def page(session: Session, caller: Caller, *, first: int, after: Position | None) -> Page[Look]:
    """Read a page of the caller's own looks, newest first."""
    return await looks.page_of_owner(session, caller.user_id, first=first, after=after)


async def products_by_look(session: Session, look_ids: Sequence[UUID]) -> dict[UUID, list[Product]]:
    """Read the products of looks that the caller was let read."""
    return grouped((product.look_id, product) for product in await looks.products_of(session, look_ids))


async def videos_by_look(session: Session, look_ids: Sequence[UUID]) -> dict[UUID, list[VideoInLook]]:
    """Read the videos of looks that the caller was let read, newest first."""
    return grouped((video.look_id, video) for video in await looks.videos_of(session, look_ids))


async def shared_with_by_look(session: Session, look_ids: Sequence[UUID]) -> dict[UUID, list[User]]:
    """Read whom looks are shared with."""
    return grouped((share.look_id, share.user) for share in await looks.shares_of(session, look_ids))


def thumbnail(look: Look, videos: Sequence[VideoInLook]) -> Thumbnail:
    """Choose the default video where it has succeeded, else the look's image (contract.md, 'Looks')."""
    for video in videos:
        job = video.video_job
        if video.is_default and job.status == VideoJobStatus.SUCCEEDED and job.cloudinary_url is not None:
            return Thumbnail("video", job.cloudinary_url)
    return Thumbnail("image", look.generated_image_url)
